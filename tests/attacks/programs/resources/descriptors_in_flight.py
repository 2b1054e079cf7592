# Tries: descriptors that no process has: sent, and never received
# Gets: ETOOMANYREFS or EMFILE
# Depends on: user namespaces
import socket

from attack import attempt

keep = []


def fill():
    while True:
        pair = socket.socketpair()
        keep.append(pair[0])
        pair[0].setblocking(False)
        try:
            while True:
                socket.send_fds(pair[0], [b"x"], [pair[1].fileno()] * 200)
        except BlockingIOError:
            pass
        pair[1].detach()


attempt(fill)
