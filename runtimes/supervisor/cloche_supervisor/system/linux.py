"""System calls that Python's standard library lacks, made through the C library.

The numbers are those of <linux/prctl.h>, <linux/seccomp.h>, <sys/signalfd.h> and <linux/ipc.h>.
"""

from __future__ import annotations

import ctypes
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_PR_SET_DUMPABLE = 4
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_SIGSET_BYTES = 128  # sizeof(sigset_t) in glibc and musl
_IPC_RMID = 0
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SECCOMP_SET_MODE_FILTER = 1
_LISTENER_FLAGS = 0x8 | 0x20
"""SECCOMP_FILTER_FLAG_NEW_LISTENER, and _WAIT_KILLABLE_RECV: once a call is received, only a signal
that kills interrupts it, so that it is not made twice."""
_SOL_SOCKET, _SO_ATTACH_FILTER, _SO_LOCK_FILTER = 1, 26, 44  # <asm-generic/socket.h>
_SHUT_WR = 1
_SOCKADDR_BYTES = 16
_DROP_ALL = bytes([6, 0, 0, 0, 0, 0, 0, 0])  # BPF_RET | BPF_K: keep 0 bytes

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


class _SockFprog(ctypes.Structure):
    """`struct sock_fprog` of <linux/filter.h>."""

    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def _prctl(option: int, value: int, third: int = 0) -> None:
    zero = ctypes.c_ulong(0)
    _check(_libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(third), zero, zero))


def set_dumpable(*, dumpable: bool) -> None:
    """Set whether processes of the same uid may trace this one and open its /proc entries."""
    _prctl(_PR_SET_DUMPABLE, int(dumpable))


def become_subreaper() -> None:
    """Become the parent of orphaned descendants. PID 1 is that without this call."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def forbid_new_privileges() -> None:
    """Stop every later exec from gaining privileges (setuid binaries, file capabilities)."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def filter_calls(program: bytes) -> None:
    """Filter every later system call of this thread and its children with a BPF program.

    This needs no privileges after `forbid_new_privileges`. A filter cannot be removed.

    Raises:
        OSError: the kernel has no seccomp, or rejects the program.
    """
    header, _kept = _sock_fprog(program)
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(header))


def filter_calls_with_listener(program: bytes) -> int:
    """Filter like `filter_calls`, and return the descriptor from which calls can be received.

    Raises:
        OSError: the kernel is older than Linux 5.19, or the thread has such a filter already.
    """
    header, _kept = _sock_fprog(program)
    number = ctypes.c_long(_SECCOMP[os.uname().machine])
    mode, flags = ctypes.c_long(_SECCOMP_SET_MODE_FILTER), ctypes.c_long(_LISTENER_FLAGS)
    return _check(_libc.syscall(number, mode, flags, ctypes.byref(header)))


def mute(fd: int) -> None:
    """Stop a datagram socket from sending and receiving, until it is closed."""
    header, _kept = _sock_fprog(_DROP_ALL)
    size = ctypes.sizeof(header)
    _check(_libc.setsockopt(fd, _SOL_SOCKET, _SO_ATTACH_FILTER, ctypes.byref(header), size))
    _check(_libc.setsockopt(fd, _SOL_SOCKET, _SO_LOCK_FILTER, ctypes.byref(ctypes.c_int(1)), 4))
    _libc.shutdown(fd, _SHUT_WR)  # returns ENOTCONN, but shuts the sending side


def disconnect(fd: int) -> None:
    """End the connection of a datagram socket."""
    _check(_libc.connect(fd, bytes(_SOCKADDR_BYTES), _SOCKADDR_BYTES))  # zeros: AF_UNSPEC


def _sock_fprog(program: bytes) -> tuple[_SockFprog, object]:
    """Return the header of a BPF program, and the instructions, which must be kept with it."""
    instructions = ctypes.create_string_buffer(program, len(program))
    return _SockFprog(len(program) // 8, ctypes.addressof(instructions)), instructions


def signalfd(numbers: Iterable[int]) -> int:
    """Return a non-blocking descriptor from which the given, blocked signals can be read.

    Unlike sigtimedwait it can be polled together with pipes.
    """
    mask = bytearray(_SIGSET_BYTES)
    for number in numbers:
        mask[(number - 1) // 8] |= 1 << (number - 1) % 8
    flags = os.O_NONBLOCK | os.O_CLOEXEC  # SFD_NONBLOCK and SFD_CLOEXEC have the same values
    return _check(_libc.signalfd(-1, bytes(mask), flags))


def remove_shared_memory(identifier: int) -> None:
    """Remove a System V shared memory segment; the kernel frees it when its last user detaches."""
    _check(_libc.shmctl(identifier, _IPC_RMID, None))


def remove_semaphores(identifier: int) -> None:
    """Remove a set of System V semaphores."""
    _check(_libc.semctl(identifier, 0, _IPC_RMID))


def remove_message_queue(identifier: int) -> None:
    """Remove a System V message queue and its messages."""
    _check(_libc.msgctl(identifier, _IPC_RMID, None))


def give_memory_back() -> None:
    """Return freed memory to the kernel; the C library keeps some MiB after large frames."""
    if hasattr(_libc, "malloc_trim"):  # musl lacks it
        _libc.malloc_trim(0)
