"""Run one program, from its start to the end of its last process."""

from __future__ import annotations

import os
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from cloche_supervisor.context import Context
    from cloche_supervisor.run.child import Child
    from cloche_supervisor.run.output import Sink

_READ_BYTES = 65_536
_REST_SECONDS = 0.001
_REST_BELOW_BYTES = 32_768
"""After a small read, a pipe is not polled for _REST_SECONDS. Waking for each of many small writes
would make the program four times as slow."""
_PIPE_BYTES_MAX = 1024 * 1024  # the kernel's default for /proc/sys/fs/pipe-max-size
SIGKILL_STATUS = 9
_NOT_RUN = (126, 127)  # cannot be executed, as reported by a shell and by child.py


class Ended:
    """The end of a program. `exit_code` is 128 + n if signal n killed it."""

    def __init__(self, status: int, *, seconds: float, timed_out: bool, oom_killed: bool) -> None:
        self.seconds = seconds
        self.timed_out = timed_out
        self.signal = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        self.exit_code = os.WEXITSTATUS(status) if self.signal is None else 128 + self.signal
        # The killed process may be a child: a compiler's driver, a shell or a client of a server
        # reports it by another exit code.
        self.out_of_memory = oom_killed and not timed_out and self.exit_code != 0

    @property
    def failed(self) -> bool:
        """Whether it ran, ended by itself, and reported a failure."""
        by_itself = self.signal is None and not self.timed_out and not self.out_of_memory
        return by_itself and self.exit_code not in {0, *_NOT_RUN}


class Pipes:
    """The pipes of one program: served while it runs, emptied after its processes are dead.

    Nothing here waits for the reader of the events, nor for a pipe that a process keeps open.
    """

    def __init__(
        self, context: Context, child: Child, stdin: bytes, sinks: dict[int, Sink]
    ) -> None:
        self._context = context
        self._child = child
        self._stdin = memoryview(stdin)
        self._sinks = sinks
        self._open = set(sinks)
        self._resting: dict[int, float] = {}
        self._events_polled = False
        self._poll = select.poll()
        self._poll.register(context.signals.fd, select.POLLIN)
        for fd in sinks:
            self._poll.register(fd, select.POLLIN)
        self._feed()
        if self._stdin:
            self._poll.register(child.stdin, select.POLLOUT)

    def wait(self, deadline: float) -> bool:
        """Serve the pipes until the program ends (True) or the deadline is reached (False)."""
        while not self.over():
            now = time.monotonic()
            if now >= deadline:
                self._context.processes.reap()
                return self.over()
            self._flush(now)
            self._poll_events()
            self._wake(now)
            self._serve(min([deadline, *self._flush_times(), *self._resting.values()]) - now)
        return True

    def over(self) -> bool:
        """Return whether the program has ended."""
        return self._context.processes.status is not None

    def finish(self) -> None:
        """Read what is left in the pipes and close them. All processes must be dead."""
        for fd in list(self._open):
            self._drain(fd)
        for fd in self._sinks:
            os.close(fd)
        self._close_stdin()

    def _drain(self, fd: int) -> None:
        """Read what is in a pipe, and no more than it can hold, because a process may go on."""
        now, left = time.monotonic(), _PIPE_BYTES_MAX
        while left > 0 and (taken := self._read(fd, now)):
            left -= taken

    def _serve(self, seconds: float) -> None:
        for fd, _ in self._poll.poll(max(0, seconds) * 1000):
            if fd == self._context.signals.fd:
                self._context.signals.read()
                self._context.processes.reap()
            elif fd == self._context.events.fd:
                self._context.events.flush()
            elif fd == self._child.stdin:
                self._feed()
            elif 0 < self._read(fd, time.monotonic()) < _REST_BELOW_BYTES:
                self._poll.modify(fd, 0)
                self._resting[fd] = time.monotonic() + _REST_SECONDS

    def _wake(self, now: float) -> None:
        for fd in [fd for fd, end in self._resting.items() if end <= now]:
            del self._resting[fd]
            if fd in self._open:
                self._poll.modify(fd, select.POLLIN)

    def _read(self, fd: int, now: float) -> int:
        """Read once and return the number of bytes; 0 if there are none now, or at the end."""
        if fd not in self._open:
            return 0
        try:
            data = os.read(fd, _READ_BYTES)
        except BlockingIOError:
            return 0
        if data:
            self._sinks[fd].feed(data, now)
        else:
            self._open.discard(fd)
            self._poll.unregister(fd)
        return len(data)

    def _feed(self) -> None:
        """Write as much stdin as the program takes; close the pipe after the last byte."""
        try:
            while self._stdin:
                self._stdin = self._stdin[os.write(self._child.stdin, self._stdin) :]
        except BlockingIOError:
            return
        except OSError:  # the program has closed its stdin
            self._stdin = self._stdin[:0]
        self._close_stdin()

    def _close_stdin(self) -> None:
        if self._child.stdin >= 0:
            try:
                self._poll.unregister(self._child.stdin)
            except KeyError:  # all of it was written at once
                pass
            os.close(self._child.stdin)
            self._child.stdin = -1

    def _flush_times(self) -> list[float]:
        return [sink.due for sink in self._sinks.values() if sink.due is not None]

    def _flush(self, now: float) -> None:
        for sink in self._sinks.values():
            if sink.due is not None and sink.due <= now:
                sink.flush()

    def _poll_events(self) -> None:
        """Poll the events' pipe only while events are waiting."""
        events = self._context.events
        if events.pending != self._events_polled:
            self._events_polled = events.pending
            if events.pending:
                self._poll.register(events.fd, select.POLLOUT)
            else:
                self._poll.unregister(events.fd)


def run_program(  # noqa: PLR0913 - all that a program needs
    context: Context,
    start: Callable[[], Child],
    *,
    stdin: bytes,
    stdout: Sink,
    stderr: Sink,
    deadline: float,
) -> Ended:
    """Run a program until it ends or the deadline is reached, then kill all its processes.

    Waiting processes of a later stage survive. `start` starts the program, or returns a process
    that has waited for its stdin. If stdout and stderr are the same sink, it writes both to one
    pipe.

    Raises:
        ReaderGoneError: the other end of the events' pipe is closed.
        Terminated: SIGTERM was received.
    """
    kills = context.cgroup.oom_kills()
    began = time.monotonic()
    child = start()
    context.processes.watch(child.pid)
    pipes = Pipes(context, child, stdin, {child.stdout: stdout, child.stderr: stderr})
    by_itself = pipes.wait(deadline)
    seconds = time.monotonic() - began
    context.processes.kill(context.settings.kill_seconds, spare_kept=True)
    if not context.processes.kept:
        context.localhost.clear()
    pipes.finish()
    status = context.processes.status
    return Ended(
        status if by_itself and status is not None else SIGKILL_STATUS,
        seconds=seconds,
        timed_out=not by_itself,
        oom_killed=context.cgroup.oom_kills() > kills,
    )
