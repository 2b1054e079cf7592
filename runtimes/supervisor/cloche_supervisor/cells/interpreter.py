"""The process that runs the cells of a session, and its pipes."""

from __future__ import annotations

import os
import signal

from cloche_supervisor.run.child import Child, Launcher

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cloche_supervisor.context import Context
    from cloche_supervisor.protocol.cell_frame import Interpreter


class InterpreterProcess:
    """A started interpreter. Its standard input is empty.

    It reads requests from descriptor 3, and writes messages to descriptor 4. `child.stdin` is the
    supervisor's end of the requests.
    """

    def __init__(self, context: Context, how: Interpreter, environment: dict[str, str]) -> None:
        launcher = Launcher(
            context.settings.workspace, {**environment, **how.environment}, how.rlimits
        )
        theirs_in, requests = os.pipe()  # os.pipe sets close-on-exec on both ends
        self.messages, theirs_out = os.pipe()
        for fd in (requests, self.messages):
            os.set_blocking(fd, False)
        try:
            started = launcher.start(how.command, merged=False, channel=(theirs_in, theirs_out))
        except OSError:
            os.close(requests)
            os.close(self.messages)
            raise
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        os.close(started.stdin)
        self.child = Child(started.pid, requests, started.stdout, started.stderr)
        self.unread = bytearray()
        """The beginning of a message that is not complete."""
        self._processes = context.processes
        self._processes.watch(started.pid)

    @property
    def pid(self) -> int:
        """Its process id, and that of its process group."""
        return self.child.pid

    @property
    def alive(self) -> bool:
        """Whether it can take a cell."""
        self._processes.reap()
        return self._processes.status is None

    def interrupt(self) -> None:
        """Send SIGINT to the interpreter and to what it runs in its process group, as a terminal.

        A call of system(3) ignores the signal, and ends because its command does.
        """
        try:
            os.killpg(self.pid, signal.SIGINT)
        except ProcessLookupError:
            pass

    def close(self) -> None:
        """Close the supervisor's ends of the pipes."""
        for fd in (self.child.stdin, self.child.stdout, self.child.stderr, self.messages):
            os.close(fd)
