"""The calls of Linux that Python's standard library does not have, by way of the C library.

Numbers are those of <linux/prctl.h>, <linux/seccomp.h>, <sys/signalfd.h> and <linux/ipc.h>.
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
    """Decide whether others of the same uid may trace this process and open its /proc entries."""
    _prctl(_PR_SET_DUMPABLE, int(dumpable))


def become_subreaper() -> None:
    """Become the parent of orphaned descendants, as PID 1 is without asking."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def forbid_new_privileges() -> None:
    """Let no exec from here on give privileges (setuid binaries, file capabilities)."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def filter_calls(program: bytes) -> None:
    """Judge every system call from here on by a BPF program; children and exec inherit it.

    Needs no privilege once new ones are forbidden. Nothing takes a filter away again.

    Raises:
        OSError: the kernel has no seccomp, or does not take the program.
    """
    instructions = ctypes.create_string_buffer(program, len(program))
    header = _SockFprog(len(program) // 8, ctypes.addressof(instructions))
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(header))


def signalfd(numbers: Iterable[int]) -> int:
    """A non-blocking descriptor from which the given, blocked signals are read.

    Unlike sigtimedwait it can be polled together with pipes.
    """
    mask = bytearray(_SIGSET_BYTES)
    for number in numbers:
        mask[(number - 1) // 8] |= 1 << (number - 1) % 8
    flags = os.O_NONBLOCK | os.O_CLOEXEC  # SFD_NONBLOCK and SFD_CLOEXEC are defined as these
    return _check(_libc.signalfd(-1, bytes(mask), flags))


def remove_shared_memory(identifier: int) -> None:
    """Remove a System V shared memory segment; it goes when its last user does."""
    _check(_libc.shmctl(identifier, _IPC_RMID, None))


def remove_semaphores(identifier: int) -> None:
    """Remove a set of System V semaphores."""
    _check(_libc.semctl(identifier, 0, _IPC_RMID))


def remove_message_queue(identifier: int) -> None:
    """Remove a System V message queue with all that is in it."""
    _check(_libc.msgctl(identifier, _IPC_RMID, None))


def give_memory_back() -> None:
    """Return what was freed to the kernel; the C library keeps some MiB after large frames."""
    if hasattr(_libc, "malloc_trim"):  # musl has none
        _libc.malloc_trim(0)
