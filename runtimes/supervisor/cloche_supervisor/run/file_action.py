"""An action on the files of the workspace in the place of a program."""

from __future__ import annotations

import time

from cloche_supervisor.protocol.frame import EXIT
from cloche_supervisor.workspace import session_files
from cloche_supervisor.workspace.output_files import Collected, collect
from cloche_supervisor.workspace.session_files import Listing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cloche_supervisor.context import Context
    from cloche_supervisor.protocol.file_frame import FileFrame


class FileAction:
    """One frame, from its `started` event to its `exit` event."""

    def __init__(self, context: Context, frame: FileFrame) -> None:
        self._context = context
        self._frame = frame
        self._listing = Listing()
        self._found = Collected(frame.files_bytes)
        self._problem: str | None = None

    def run(self) -> None:
        """Do the action.

        Raises:
            ReaderGoneError: the other end of the events' pipe is closed.
            Terminated: SIGTERM was received.
        """
        frame, events = self._frame, self._context.events
        events.emit("started", execution=frame.execution, stage="files", time=time.time())
        self._do()
        listing, found = self._listing, self._found
        events.emit(
            "exit",
            execution=frame.execution,
            last=frame.afterwards == EXIT,
            time=time.time(),
            exit_code=0 if self._problem is None else 1,
            signal=None,
            timed_out=False,
            out_of_memory=False,
            disk_full=False,
            compiler_failed=False,
            execution_seconds=0.0,
            compile_seconds=None,
            check_seconds=None,
            cpu_seconds=0.0,
            max_memory_bytes=0,
            compile_cpu_seconds=None,
            compile_max_memory_bytes=None,
            stdout_bytes=0,
            stderr_bytes=0,
            stdout_truncated=False,
            stderr_truncated=False,
            files=found.files,
            files_truncated=found.truncated or listing.truncated,
            files_omitted=found.omitted,
            syntax_error=None,
            listed=listing.files,
            problem=self._problem,
        )

    def _do(self) -> None:
        frame, settings = self._frame, self._context.settings
        workspace = settings.workspace
        deadline = time.monotonic() + settings.collect_seconds
        if frame.action == "WriteFiles":
            self._problem = session_files.write(workspace, frame.files, self._listing)
        elif frame.action == "ReadFiles":
            self._found = collect(
                workspace, frame.output_files, limit=frame.files_bytes, deadline=deadline
            )
        else:
            session_files.find(
                workspace,
                frame.output_files,
                self._listing,
                deadline=deadline,
                remove=frame.action == "RemoveFiles",
            )
