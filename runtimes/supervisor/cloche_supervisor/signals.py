"""Signals: two are read from a descriptor, all others do nothing.

The program has our uid, so it may send us any signal. Nothing is handled asynchronously, and the
one order that counts, SIGTERM, is taken only from outside.
"""

from __future__ import annotations

import os
import select
import signal
import struct

from cloche_supervisor import linux

_READ = (signal.SIGCHLD, signal.SIGTERM)
_LEFT_ALONE = {
    *(signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT),
    *(signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE),
    *(signal.SIGTRAP, signal.SIGSYS, signal.SIGABRT),
}
_IGNORED = tuple(n for n in range(1, 32) if n not in _LEFT_ALONE and n not in _READ)
"""Dropped when sent, where a blocked one would be queued. Faults keep their default."""
_INFO = struct.Struct("=IiiI112x")  # signalfd_siginfo: ssi_signo, ssi_errno, ssi_code, ssi_pid
_SI_USER = 0  # sent by kill(2), which fills in the sender's pid itself


class Terminated(Exception):  # noqa: N818 - an order, not an error
    """SIGTERM came from outside: end at once."""


class Signals:
    """The signals of this process from now on. Made once, before any child."""

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
        """Take what has come, once: in a storm of signals there is always more.

        SIGCHLD only wakes: whoever waits for children looks for itself.

        SIGTERM counts when it was sent with kill(2) from outside the PID namespace, which the
        kernel marks with pid 0. The code is looked at too: rt_sigqueueinfo(2) lets a program
        state any pid, but not with this code. Without a namespace of our own, outside is the
        process that started us.

        Raises:
            Terminated: the order to end.
        """
        try:
            data = os.read(self.fd, _INFO.size * len(_READ))
        except BlockingIOError:
            return
        for number, _, code, sender in _INFO.iter_unpack(data):
            if number == signal.SIGTERM and code == _SI_USER and sender == self._outside:
                raise Terminated

    def wait(self, seconds: float) -> None:
        """Wait for a signal, for so long at most, and take it.

        Raises:
            Terminated: the order to end.
        """
        if self._poll.poll(max(0, seconds) * 1000):
            self.read()

    @staticmethod
    def restore() -> None:
        """In a child before exec: the signals of a fresh process."""
        for number in _IGNORED:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
