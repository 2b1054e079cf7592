"""Read what a waiting call refers to: memory and descriptors of the thread that made it."""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cloche_supervisor.localhost.notifications import Call, Listener

_CLOSE_ON_EXEC = 0o2000000


class Caller:
    """The thread of the program that waits for an answer.

    All methods raise OSError with the number that the program gets: EACCES if the process is not
    dumpable, because its /proc entries then belong to root.
    """

    def __init__(self, listener: Listener, call: Call) -> None:
        self._listener = listener
        self._call = call
        self._entries = f"/proc/{call.thread}"

    def read(self, address: int, length: int) -> bytes:
        """Return the program's memory, read once, so that it cannot change after a check."""
        data = b""
        fd = self._open("mem", os.O_RDONLY)
        try:
            data = os.pread(fd, length, address) if length else b""
        except (OSError, OverflowError):
            pass
        finally:
            os.close(fd)
        if len(data) < length:
            raise OSError(errno.EFAULT, os.strerror(errno.EFAULT))
        return data

    def write(self, address: int, data: bytes) -> None:
        """Write to the program's memory."""
        fd = self._open("mem", os.O_WRONLY)
        try:
            os.pwrite(fd, data, address)
        except (OSError, OverflowError) as error:
            raise OSError(errno.EFAULT, os.strerror(errno.EFAULT)) from error
        finally:
            os.close(fd)

    def inode(self, number: int) -> int:
        """Return the inode of the socket that is the program's descriptor `number`."""
        try:
            target = os.readlink(f"{self._entries}/fd/{number}")
        except FileNotFoundError as error:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF)) from error
        self._check()
        kind, _, inode = target.partition(":[")
        if kind != "socket":
            raise OSError(errno.ENOTSOCK, os.strerror(errno.ENOTSOCK))
        return int(inode[:-1])

    def closes_on_exec(self, number: int) -> bool:
        """Return whether the program's descriptor `number` is closed by exec."""
        fd = self._open(f"fdinfo/{number}", os.O_RDONLY)
        try:
            fields = os.read(fd, 4096).split()
        finally:
            os.close(fd)
        return bool(int(fields[fields.index(b"flags:") + 1], 8) & _CLOSE_ON_EXEC)

    def _open(self, name: str, flags: int) -> int:
        fd = os.open(f"{self._entries}/{name}", flags | os.O_CLOEXEC)
        try:
            self._check()
        except OSError:
            os.close(fd)
            raise
        return fd

    def _check(self) -> None:
        """Check that the thread still waits: if not, its id may be that of another thread."""
        if not self._listener.is_valid(self._call):
            raise OSError(errno.ESRCH, os.strerror(errno.ESRCH))
