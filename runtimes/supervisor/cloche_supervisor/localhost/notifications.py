"""Receive and answer the calls that the filter passes to the supervisor (seccomp_unotify(2)).

The structures and numbers are those of <linux/seccomp.h>. They are the same on all machines.
"""

from __future__ import annotations

import errno
import fcntl
import struct

_RECEIVE, _ANSWER, _IS_VALID, _ADD = 0xC050_2100, 0xC018_2101, 0x4008_2102, 0x4018_2103
_CALL = struct.Struct("=QIIiIQ6Q")  # seccomp_notif, with seccomp_data in it
_RESULT = struct.Struct("=QqiI")  # seccomp_notif_resp
_ADDED = struct.Struct("=QIIII")  # seccomp_notif_addfd
_CONTINUE = 1  # SECCOMP_USER_NOTIF_FLAG_CONTINUE
_REPLACE, _AND_ANSWER = 1, 2  # SECCOMP_ADDFD_FLAG_SETFD, SECCOMP_ADDFD_FLAG_SEND
_CLOSE_ON_EXEC = 0o2000000


class Call:
    """A system call of a thread, which waits for its answer.

    The arguments are those of its registers and cannot change.
    """

    def __init__(self, data: bytearray) -> None:
        number = _CALL.unpack(data)
        self.id: int = number[0]
        self.thread: int = number[1]
        self.number: int = number[3]
        self.arguments: tuple[int, ...] = number[6:]


class Listener:
    """The descriptor of a filter that passes calls to this process."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def receive(self) -> Call | None:
        """Wait for a call. Return None if its thread has ended meanwhile."""
        data = bytearray(_CALL.size)  # the kernel requires zeros
        try:
            fcntl.ioctl(self.fd, _RECEIVE, data)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):
                return None
            raise
        return Call(data)

    def is_valid(self, call: Call) -> bool:
        """Return whether the thread still waits, so that its id is not another's."""
        try:
            fcntl.ioctl(self.fd, _IS_VALID, struct.pack("=Q", call.id))
        except OSError:
            return False
        return True

    def answer(self, call: Call, value: int = 0, *, error: int = 0) -> None:
        """Return a value or an error number to the program. Do nothing if it has ended."""
        self._control(_ANSWER, _RESULT.pack(call.id, 0 if error else value, -error, 0))

    def proceed(self, call: Call) -> None:
        """Let the kernel make the call.

        It reads the arguments again, and the program may have changed what they point to.
        """
        self._control(_ANSWER, _RESULT.pack(call.id, 0, 0, _CONTINUE))

    def give(self, call: Call, fd: int, *, close_on_exec: bool) -> None:
        """Give the program a copy of a descriptor, and return its number as the call's value.

        Raises:
            OSError: the program may not open more files.
        """
        flags = _CLOSE_ON_EXEC if close_on_exec else 0
        self._control(_ADD, _ADDED.pack(call.id, _AND_ANSWER, fd, 0, flags))

    def replace(self, call: Call, number: int, fd: int, *, close_on_exec: bool) -> None:
        """Put a copy of a descriptor in the place of the program's descriptor `number`."""
        flags = _CLOSE_ON_EXEC if close_on_exec else 0
        self._control(_ADD, _ADDED.pack(call.id, _REPLACE, fd, number, flags))

    def _control(self, request: int, data: bytes) -> None:
        try:
            fcntl.ioctl(self.fd, request, data)
        except OSError as error:
            if error.errno != errno.ENOENT:  # the program has ended
                raise
