# Tries: disk in files that have no name any more
# Gets: ENOSPC
import os

from attack import attempt


def fill():
    while True:
        fd = os.open("x", os.O_CREAT | os.O_WRONLY)
        os.unlink("x")
        for _ in range(5):
            os.write(fd, bytes(1 << 20))


attempt(fill)
