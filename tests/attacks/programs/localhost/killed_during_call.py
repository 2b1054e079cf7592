# Tries: to be killed in the middle of calls, so that answers go to nobody or to somebody else
# Gets: DONE
import os
import signal
import socket
import time

from attack import attempt

server = socket.create_server(("127.0.0.1", 0), backlog=1000)
for number in range(60):
    child = os.fork()
    if child == 0:
        while True:
            s = socket.socket()
            s.connect(server.getsockname())
            s.close()
    time.sleep(0.0003 * (number % 10))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
server.close()
server = socket.create_server(("127.0.0.1", 0))
attempt(socket.create_connection, server.getsockname())
