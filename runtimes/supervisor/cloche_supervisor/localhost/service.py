"""The thread that answers the calls of programs that use sockets.

A filter applies to the thread that installs it and to that thread's children. So the main thread,
which starts all programs, installs it once, and this thread, made before, stays unfiltered. A
program that uses no sockets never wakes it.
"""

from __future__ import annotations

import _thread
import errno
import fcntl
import os
import signal
import struct

from cloche_supervisor.localhost.notifications import Listener
from cloche_supervisor.system import linux

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket

    from cloche_supervisor.localhost.answers import Answers

_PTRACE_SCOPE = "/proc/sys/kernel/yama/ptrace_scope"
_GET_FLAGS, _IS_UP = 0x8913, 1  # SIOCGIFFLAGS and IFF_UP of <linux/if.h>
_INTERFACE = struct.Struct("16sH22x")  # struct ifreq
_ONLY_ROOT = 2  # Documentation/admin-guide/LSM/Yama.rst: "admin-only attach"


class Localhost:
    """Sockets on the loopback interface for the programs of this Pod.

    Args:
        numbers: the machine's system call numbers by name.
    """

    def __init__(self, numbers: dict[str, int]) -> None:
        self._numbers = numbers
        self._families: dict[int, str] = {}
        self._listener: Listener | None = None
        self._answers: Answers | None = None
        self._lock = _thread.allocate_lock()
        self._started = _thread.allocate_lock()
        self.problem: str | None = None
        """Why programs cannot use localhost, or not all of it."""

    @property
    def addresses(self) -> list[str]:
        """The addresses that programs can use."""
        return list(self._families.values()) if self._listener is not None else []

    def filter_calls(self, program: bytes, without: bytes) -> None:
        """Filter the calls of this thread, and answer those that make sockets.

        Args:
            program: the filter that passes them on.
            without: the filter that refuses them, used where they cannot be answered.

        Raises:
            OSError: the kernel has no seccomp.
        """
        self._find_addresses()
        if self._families:
            self._started.acquire()
            _thread.start_new_thread(self._run, ())
            try:
                self._listener = Listener(linux.filter_calls_with_listener(program))
            except OSError as error:
                self.problem = f"the kernel passes no calls to the supervisor: {error.strerror}"
            self._started.release()
        if self._listener is None:
            linux.filter_calls(without)

    def clear(self) -> None:
        """Close what is left of a program. All of its processes must have ended."""
        if self._answers is not None:
            with self._lock:
                self._answers.clear()

    def _find_addresses(self) -> None:
        import _socket  # noqa: PLC0415 - so that a Python without it can run programs

        try:
            _check_access()
        except OSError as error:
            self.problem = str(error.strerror)
            return
        for family, host in ((_socket.AF_INET, "127.0.0.1"), (_socket.AF_INET6, "::1")):
            try:
                own = _socket.socket(family, _socket.SOCK_STREAM)
                try:
                    own.setsockopt(_socket.SOL_SOCKET, _socket.SO_BINDTODEVICE, b"lo\0")
                    own.bind((host, 0))
                    _check_is_up(own)
                finally:
                    own.close()
            except OSError as error:
                self.problem = f"a socket cannot be bound to {host} on lo: {error.strerror}"
                return  # without IPv4 there is no IPv6: ::1 can be bound while lo is down
            self._families[family] = host

    def _run(self) -> None:
        with self._started:
            listener = self._listener
        while listener is not None:
            answers = self._answers
            if answers is not None and answers.waiting:
                called = answers.wait()
                with self._lock:
                    answers.finish_connections()
                if not called:
                    continue
            call = listener.receive()
            if call is not None:
                with self._lock:
                    self._ready(listener).answer(call)

    def _ready(self, listener: Listener) -> Answers:
        if self._answers is None:
            # Importing this takes a few milliseconds, and most programs use no sockets.
            from cloche_supervisor.localhost.answers import Answers  # noqa: PLC0415

            self._answers = Answers(listener, self._numbers, tuple(self._families))
        return self._answers


def _check_is_up(own: _socket.socket) -> None:
    """Check that `lo` is up.

    Raises:
        OSError: it is not.
    """
    request = bytearray(_INTERFACE.pack(b"lo", 0))
    fcntl.ioctl(own.fileno(), _GET_FLAGS, request)
    if not _INTERFACE.unpack(request)[1] & _IS_UP:
        raise OSError(errno.ENETDOWN, os.strerror(errno.ENETDOWN))


def _check_access() -> None:
    """Check that a process may read the memory of its child, as the answers require.

    Raises:
        OSError: it may not. The text says why.
    """
    try:
        with open(_PTRACE_SCOPE, encoding="ascii") as file:
            scope = int(file.read())
    except (OSError, ValueError):  # no Yama
        scope = 0
    if scope >= _ONLY_ROOT:
        words = f"kernel.yama.ptrace_scope is {scope}, so that a program's memory cannot be read"
        raise PermissionError(1, words)
    child = _dumpable_child()
    try:
        os.close(os.open(f"/proc/{child}/mem", os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        words = f"a program's memory cannot be read: {error.strerror}"
        raise PermissionError(error.errno, words) from error
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _dumpable_child() -> int:
    """Return the pid of a child that is like a program: dumpable, and of the same user."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            linux.set_dumpable(dumpable=True)
            os.closerange(0, writing + 1)
            signal.pause()
        finally:
            os._exit(0)
    os.close(writing)
    os.read(reading, 1)  # returns when the child has closed its end
    os.close(reading)
    return child
