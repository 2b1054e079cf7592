# Tries: memory that is no process's, in /dev/shm
# Gets: ENOSPC
from attack import attempt


def fill():
    with open("/dev/shm/x", "wb", buffering=0) as file:
        while True:
            if file.write(bytes(1 << 20)) < 1 << 20:
                raise OSError(28, "No space left on device")


attempt(fill)
