# Tries: memory in pipes without a reader
# Gets: EMFILE
# Depends on: user namespaces
import fcntl
import os

from attack import attempt


def fill():
    while True:
        _, writing = os.pipe()
        try:
            fcntl.fcntl(writing, 1031, 1 << 20)  # F_SETPIPE_SZ
        except OSError:
            pass
        os.set_blocking(writing, False)
        try:
            while True:
                os.write(writing, bytes(65536))
        except BlockingIOError:
            pass


attempt(fill)
