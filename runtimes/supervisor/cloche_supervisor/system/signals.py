"""Signal handling: SIGCHLD and SIGTERM are read from a descriptor, all others are ignored.

The program has the supervisor's uid, so it may send it any signal. Nothing is handled
asynchronously, and SIGTERM counts only if it comes from outside the Pod.
"""

from __future__ import annotations

import os
import select
import signal
import struct

from cloche_supervisor.system import linux

_READ = (signal.SIGCHLD, signal.SIGTERM)
_LEFT_ALONE = {
    *(signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT),
    *(signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE),
    *(signal.SIGTRAP, signal.SIGSYS, signal.SIGABRT),
}
_IGNORED = tuple(n for n in range(1, 32) if n not in _LEFT_ALONE and n not in _READ)
"""Ignored signals are dropped, whereas blocked ones would be queued. Faults keep their default."""
_INFO = struct.Struct("=IiiI112x")  # signalfd_siginfo: ssi_signo, ssi_errno, ssi_code, ssi_pid
_SI_USER = 0  # sent by kill(2), for which the kernel sets the sender's pid


class Terminated(Exception):  # noqa: N818 - a request, not an error
    """SIGTERM was received from outside: end at once."""


class Signals:
    """The signals of this process. Create it once, before any child."""

    def __init__(self) -> None:
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)
        for number in _READ:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, _READ)
        self.fd = linux.signalfd(_READ)
        self._outside = 0 if os.getpid() == 1 else os.getppid()
        self._poll = select.poll()
        self._poll.register(self.fd, select.POLLIN)

    def read(self) -> None:
        """Read the signals that have arrived, once, because a program may send them without end.

        SIGCHLD only wakes the caller, which then reaps its children.

        SIGTERM counts if it was sent with kill(2) from outside the PID namespace; the kernel then
        reports pid 0. The code is checked too: with rt_sigqueueinfo(2) a program can forge the pid,
        but not together with this code. Without a PID namespace, outside is the parent process.

        Raises:
            Terminated: such a SIGTERM was received.
        """
        try:
            data = os.read(self.fd, _INFO.size * len(_READ))
        except BlockingIOError:
            return
        for number, _, code, sender in _INFO.iter_unpack(data):
            if number == signal.SIGTERM and code == _SI_USER and sender == self._outside:
                raise Terminated

    def wait(self, seconds: float) -> None:
        """Wait up to `seconds` for a signal, and read it.

        Raises:
            Terminated: SIGTERM was received.
        """
        if self._poll.poll(max(0, seconds) * 1000):
            self.read()

    @staticmethod
    def restore() -> None:
        """Restore the default signals in a child, before exec."""
        for number in _IGNORED:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
