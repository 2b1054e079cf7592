# Tries: memory in POSIX message queues
# Gets: EMFILE
# Depends on: user namespaces
import ctypes

from attack import attempt, call, libc

libc.mq_open.argtypes = (ctypes.c_char_p, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)


def fill():
    for number in range(100_000):
        call("mq_open", f"/x{number}".encode(), 0o102, 0o600, None)


attempt(fill)
