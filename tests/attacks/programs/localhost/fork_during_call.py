# Tries: to fork and to end while calls wait for their answers
# Gets: 0
# Gets: DONE
import os
import signal
import socket
import threading

from attack import attempt
from outside import OUTSIDE

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
stop = []
reached = []


def connect():
    while not stop:
        s = socket.socket()
        if s.connect_ex(OUTSIDE) == 0:
            reached.append(1)
        s.close()


threads = [threading.Thread(target=connect) for _ in range(4)]
for thread in threads:
    thread.start()
for _ in range(50):
    if os.fork() == 0:
        connected = socket.socket().connect_ex(OUTSIDE) == 0
        os._exit(connected)
stop.append(True)
for thread in threads:
    thread.join()
print(len(reached))
server = socket.create_server(("127.0.0.1", 0))
attempt(socket.create_connection, server.getsockname())
