"""Take as much as can be had of everything that the kernel counts for the node, and keep it."""

import ctypes
import fcntl
import os
import signal
import socket
import struct

libc = ctypes.CDLL(None, use_errno=True)
libc.mq_open.argtypes = (ctypes.c_char_p, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)
IO_SETUP = {"x86_64": 206, "aarch64": 0}[os.uname().machine]
QUESTION = struct.pack("=IHHII", 32, 18, 1, 1, 0) + struct.pack("=BBHiII", 0, 0, 0, 1, 0, 0)
ACCESS = struct.pack("<IHHI", 2, 1, 6, 2**32 - 1) + b"".join(
    struct.pack("<HHI", tag, 6, user)
    for tag, user in [*((2, user) for user in range(8000)), *((tag, 2**32 - 1) for tag in (4, 16, 32))]
)
keep = []


def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
    keep.append(result)


def ask(_):
    asking = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    keep.append(asking)
    asking.setblocking(False)
    for _ in range(400):
        asking.send(QUESTION)


def lock(number):
    for command in (6, 37):  # F_SETLK, F_OFD_SETLK
        file = os.open(f"locked{number}.{command}", os.O_RDWR | os.O_CREAT)
        keep.append(file)
        for start in range(500):
            fcntl.fcntl(file, command, struct.pack("hhqqi4x", 1, 0, 2 * start, 1, 0))


def list_access(number):
    open(f"listed{number}", "w").close()
    os.setxattr(f"listed{number}", "system.posix_acl_access", ACCESS)


def fork(_):
    if os.fork() == 0:
        signal.pause()
        os._exit(0)


def hoard(times, take):
    try:
        for number in range(times):
            take(number)
    except OSError:
        pass


hoard(8, lambda _: checked(libc.syscall(IO_SETUP, 8192, ctypes.byref(ctypes.c_ulong()))))
hoard(60, ask)
hoard(50, lock)
hoard(50, list_access)
hoard(300, lambda _: keep.append(os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY)))
hoard(20, lambda number: checked(libc.mq_open(f"/q{number}".encode(), 0o102, 0o600, None)))
hoard(300, lambda _: checked(libc.inotify_init1(0)))
hoard(100, lambda _: os.sync())
hoard(40, fork)
print("hoarded", flush=True)
signal.pause()
