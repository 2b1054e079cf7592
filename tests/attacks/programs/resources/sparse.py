# Tries: a file of an exabyte
# Gets: EFBIG
# Gets: EFBIG or ENOSPC
import os

from attack import attempt

fd = os.open("x", os.O_CREAT | os.O_RDWR)
attempt(os.ftruncate, fd, 1 << 60)
attempt(os.posix_fallocate, fd, 0, 1 << 50)
