"""Processes that wait for a frame, and become its programs (docs/design/prestart.md)."""

from __future__ import annotations

import os

from cloche_supervisor.isolation.reset import clear
from cloche_supervisor.protocol.frame import File
from cloche_supervisor.protocol.prestart_frame import STAGES
from cloche_supervisor.protocol.wire import ProtocolError
from cloche_supervisor.run import fit
from cloche_supervisor.run.child import Launcher
from cloche_supervisor.workspace import input_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cloche_supervisor.context import Context
    from cloche_supervisor.protocol.frame import Frame
    from cloche_supervisor.protocol.prestart_frame import PrestartedProcess, PrestartFrame
    from cloche_supervisor.protocol.wire import Input
    from cloche_supervisor.run.child import Child

_LATER_SECONDS = 0.2
"""After this time without a frame, the processes are started that are for some programs only. A Pod
in use would start them in vain after each program."""


class _Started:
    """A waiting process."""

    def __init__(self, of: PrestartedProcess, child: Child) -> None:
        self.of = of
        self.child = child

    @property
    def is_silent(self) -> bool:
        """Whether it has written nothing and can still write."""
        for fd in {self.child.stdout, self.child.stderr}:
            try:
                os.read(fd, 1)
            except BlockingIOError:
                continue
            return False
        return True

    def close(self) -> None:
        """Close its pipes."""
        for fd in {self.child.stdin, self.child.stdout, self.child.stderr}:
            os.close(fd)


class Chosen:
    """The processes that become the programs of one execution, by stage."""

    def __init__(self, context: Context, found: dict[str, tuple[_Started, bytes]]) -> None:
        self._context = context
        self._found = found

    @property
    def written_in_place(self) -> str | None:
        """The path of the file that must be written in place, if there is one."""
        for one, _ in self._found.values():
            if one.of.placeholder is not None and one.of.placeholder.in_place:
                return one.of.placeholder.path
        return None

    def take(self, stage: str) -> tuple[Child, bytes] | None:
        """Return the process for a stage with its go message, or None if there is none any more.

        Call it at the start of the stage, because the process may have been killed meanwhile.
        """
        found = self._found.pop(stage, None)
        if found is None:
            return None
        one, message = found
        processes = self._context.processes
        processes.reap()
        if one.child.pid in processes.kept and one.is_silent:
            return one.child, message
        _kill(self._context, [one])
        return None

    def end(self) -> None:
        """Kill those that were not taken. No other process may be needed any more."""
        left = [one for one, _ in self._found.values()]
        self._found = {}
        if left:
            _kill(self._context, left)


class Waiting:
    """The waiting processes of this Pod.

    Args:
        context: the supervisor's context.
        frame: which processes to start.
        environment: the variables that every program gets unless its frame has others.
    """

    def __init__(self, context: Context, frame: PrestartFrame, environment: dict[str, str]) -> None:
        self._context = context
        self._frame = frame
        self._environment = {**environment, **frame.environment}
        self._started: list[_Started] = []
        self._has_placeholder = self._touched = False

    def start(self, source: Input) -> None:
        """Start the processes, until a frame arrives. The writable directories must be empty.

        A process that cannot be started is left out.

        Raises:
            Terminated: SIGTERM was received.
        """
        for of in sorted(self._frame.processes, key=lambda one: one.when is not None):
            if source.arrives(0 if of.when is None else _LATER_SECONDS):
                return
            try:
                self._start(of)
            except (OSError, ProtocolError):  # no memory, processes or space for it
                continue

    def choose(self, frame: Frame, wanted: dict[str, str]) -> Chosen:
        """Return the processes for the stages of a frame, and kill the others.

        `wanted`: the environment of the frame's programs.

        Raises:
            ResetError: what they left cannot be removed.
            Terminated: SIGTERM was received.
        """
        self._context.processes.reap()
        found: dict[str, tuple[_Started, bytes]] = {}
        for one in sorted(self._started, key=lambda one: self._frame.processes.index(one.of)):
            if one.of.stage not in found and (message := self._go_message(one, frame, wanted)):
                found[one.of.stage] = one, message
        if not found:
            self.end()
            return Chosen(self._context, {})
        chosen = {one for one, _ in found.values()}
        if others := [one for one in self._started if one not in chosen]:
            _kill(self._context, others)
        self._forget()
        return Chosen(self._context, found)

    def end(self) -> None:
        """Kill all processes, and remove what they left.

        Raises:
            ResetError: it cannot be removed.
            Terminated: SIGTERM was received.
        """
        if self._started:
            _kill(self._context, self._started)
        if self._touched:
            clear(self._context)
        self._forget()

    def _forget(self) -> None:
        self._started = []
        self._has_placeholder = self._touched = False

    def _start(self, of: PrestartedProcess) -> None:
        workspace, placeholder = self._context.settings.workspace, of.placeholder
        files = []
        if placeholder is not None and not self._has_placeholder:
            files.append(File(placeholder.path, placeholder.content))
        self._touched = True
        input_files.prepare(workspace, files)
        self._has_placeholder = self._has_placeholder or bool(files)
        launcher = Launcher(workspace, {**self._environment, **of.environment}, self._frame.rlimits)
        child = launcher.start(of.command, merged=of.stage != STAGES[-1])
        self._context.processes.keep(child.pid)
        self._started.append(_Started(of, child))

    def _go_message(self, one: _Started, frame: Frame, wanted: dict[str, str]) -> bytes | None:
        """Return the message that makes the process the program, or None if it does not fit."""
        of = one.of
        arguments = fit.arguments(of, frame)
        added = fit.variables(of, self._environment, wanted)
        if (
            arguments is None
            or added is None
            or one.child.pid not in self._context.processes.kept
            or frame.limits.rlimits != self._frame.rlimits
            or (frame.merge_output and of.stage == STAGES[-1])
            or not fit.fits_files(of, frame.files)
            or not one.is_silent
        ):
            return None
        words = [str(len(arguments)), *arguments, *(f"{name}={added[name]}" for name in added)]
        data = "".join(f"{word}\0" for word in words).encode()
        return len(data).to_bytes(4, "big") + data


def _kill(context: Context, started: list[_Started]) -> None:
    """Kill all processes other than the kept ones that are not in `started`."""
    for one in started:
        context.processes.kept.discard(one.child.pid)
    context.processes.kill(context.settings.kill_seconds, spare_kept=True)
    for one in started:
        one.close()
