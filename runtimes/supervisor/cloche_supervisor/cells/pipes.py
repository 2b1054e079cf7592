"""The pipes of an interpreter while it runs one cell."""

from __future__ import annotations

from cloche_supervisor.run.program import Pipes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cloche_supervisor.cells.interpreter import InterpreterProcess
    from cloche_supervisor.cells.messages import Messages
    from cloche_supervisor.context import Context
    from cloche_supervisor.run.output import Stream


class CellPipes(Pipes):
    """Served until the cell is over. They stay open for the next cell."""

    def __init__(
        self,
        context: Context,
        interpreter: InterpreterProcess,
        request: bytes,
        streams: tuple[Stream, Stream],
        messages: Messages,
    ) -> None:
        child = interpreter.child
        self._messages = messages
        self._streams = {child.stdout: streams[0], child.stderr: streams[1]}
        super().__init__(context, child, request, {**self._streams, interpreter.messages: messages})

    def over(self) -> bool:
        """Return whether the cell has ended, the interpreter has, or its messages make no sense."""
        return self._messages.over or super().over()

    def read_output(self) -> None:
        """Read and report all that the cell has written so far."""
        for fd, stream in self._streams.items():
            self._drain(fd)
            stream.flush()

    def _close_stdin(self) -> None:
        """Leave the requests open, but do not wait for their room any more."""
        try:
            self._poll.unregister(self._child.stdin)
        except KeyError:  # all of it was written at once
            pass
