# Tries: a daemon, which has lost its parent
# Gets: EACCES
# Gets: EACCES
# Held by: the filter
import os
import socket

from attack import attempt

reading, writing = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.close(reading)
        attempt(socket.socket, socket.AF_INET, socket.SOCK_RAW)
        attempt(socket.socket().connect, ("169.254.169.254", 80))
    os._exit(0)
os.close(writing)
os.read(reading, 1)
