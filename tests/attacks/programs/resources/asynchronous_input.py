# Tries: all of the node's contexts for asynchronous input and output
# Gets: {'ENOSYS'}
import ctypes
import os

from attack import libc, outcome

SETUP = {"x86_64": 206, "aarch64": 0}[os.uname().machine]


def make():
    context = ctypes.c_ulong()
    if libc.syscall(SETUP, 8192, ctypes.byref(context)) < 0:
        raise OSError(ctypes.get_errno(), "refused")


print({outcome(make) for _ in range(8)})
