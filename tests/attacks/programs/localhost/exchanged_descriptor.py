# Tries: to exchange the socket behind a number while it is being connected
# Gets: set()
import errno
import os
import socket
import threading

from outside import OUTSIDE, libc, number, packed

unix = socket.socket(socket.AF_UNIX)
stop = []


def exchange():
    while not stop:
        os.dup2(unix.fileno(), 300)
        fresh = socket.socket()
        os.dup2(fresh.fileno(), 300)
        fresh.close()


os.dup2(unix.fileno(), 300)
threading.Thread(target=exchange).start()
found = {number(libc.connect(300, packed(*OUTSIDE), 16)) for _ in range(500)}
stop.append(True)
print(found - {-errno.EACCES, -errno.EINVAL, -errno.EBADF})
