"""The interpreter of a session: started, given cells, replaced after its end."""

from __future__ import annotations

from cloche_supervisor.cells.cell import Cell
from cloche_supervisor.cells.interpreter import InterpreterProcess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cloche_supervisor.context import Context
    from cloche_supervisor.protocol.cell_frame import CellFrame, Interpreter, StartFrame


class Cells:
    """The cells of one session. `environment`: what every program gets."""

    def __init__(self, context: Context, environment: dict[str, str]) -> None:
        self._context = context
        self._environment = environment
        self._how: Interpreter | None = None
        self._interpreter: InterpreterProcess | None = None
        self._state_lost = False
        """Whether an interpreter has ended since the last cell, unless it was asked to."""

    @property
    def alive(self) -> bool:
        """Whether there is an interpreter, whose processes must be spared."""
        if self._interpreter is not None and not self._interpreter.alive:
            self._lose()
        return self._interpreter is not None

    def take(self, frame: CellFrame | StartFrame) -> None:
        """Start the interpreter, or run a cell.

        Raises:
            OSError, ProtocolError, ReaderGoneError, Terminated: as `start` and `run`.
        """
        if frame.kind == "start":
            self.start(frame.interpreter)
        else:
            self.run(frame)

    def start(self, how: Interpreter) -> None:
        """Start the interpreter, unless there is one.

        Raises:
            OSError: there is no room for another process.
        """
        if not self.alive:
            self._how = how
            self._interpreter = InterpreterProcess(self._context, how, self._environment)

    def run(self, frame: CellFrame) -> None:
        """Run a cell.

        Raises:
            ProtocolError: its files cannot be written into the workspace.
            ReaderGoneError: the other end of the events' pipe is closed.
            Terminated: SIGTERM was received.
            OSError: there is no interpreter, and no room to start one.
        """
        cell = Cell(self._context, frame)
        cell.prepare()
        self.start(frame.interpreter)
        assert self._interpreter is not None
        lost, self._state_lost = self._state_lost, False
        if not cell.run(self._interpreter, state_lost=lost):
            self._interpreter.close()
            self._interpreter = None

    def restart(self) -> None:
        """Start the interpreter again. All processes of the old one must be dead."""
        if self._how is not None:
            self.start(self._how)

    def end(self) -> None:
        """Kill the interpreter and all that it has started."""
        self._state_lost = False
        if self._interpreter is not None:
            self._context.processes.kill(self._context.settings.kill_seconds)
            self._context.localhost.clear()
            self._interpreter.close()
            self._interpreter = None

    def _lose(self) -> None:
        """Notice that the interpreter has ended between two cells, and kill what it has left."""
        self.end()
        self._state_lost = True
