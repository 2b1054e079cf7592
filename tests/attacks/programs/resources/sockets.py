# Tries: memory in sockets without a reader
# Gets: EMFILE
# Depends on: user namespaces
import socket

from attack import attempt

keep = []


def fill():
    while True:
        pair = socket.socketpair()
        keep.append(pair)
        pair[0].setblocking(False)
        try:
            while True:
                pair[0].send(bytes(32768))
        except BlockingIOError:
            pass


attempt(fill)
