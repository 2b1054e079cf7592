"""Run programs in Cloche's sandboxes.

`Client` is synchronous, `AsyncClient` asynchronous. Names are imported when they are first used, so
that a command imports no more than it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_client.version import __version__

if TYPE_CHECKING:
    from cloche_client.asynchronous.client import AsyncClient
    from cloche_client.asynchronous.execution import AsyncExecution
    from cloche_client.asynchronous.session import AsyncSession
    from cloche_client.blocking.client import Client
    from cloche_client.blocking.execution import Execution
    from cloche_client.blocking.session import Session
    from cloche_client.errors import (
        AnswerError,
        AuthenticationError,
        BusyError,
        ClocheError,
        ConflictError,
        ConnectionFailedError,
        DeadlineExceededError,
        ExecutionCancelledError,
        ExecutionFailedError,
        FileMissingError,
        InvalidRequestError,
        InvalidSyntaxError,
        NotFoundError,
        ProgramFailedError,
        RateLimitedError,
        RecordRemovedError,
        SettingsError,
        TooLargeError,
        UnexpectedAnswerError,
        UnsafePathError,
        WaitTimeoutError,
    )
    from cloche_client.events import Event, Exit, ResultShown, Started, Stderr, Stdout
    from cloche_client.files import read_files, save_files
    from cloche_client.models import (
        CellError,
        ExecutionState,
        ExecutionSummary,
        LanguageInfo,
        OmittedFile,
        OutputFile,
        Program,
        Result,
        SessionFile,
        SessionInfo,
        Shown,
        Usage,
    )


_MODULES = {
    "asynchronous.client": ("AsyncClient",),
    "asynchronous.execution": ("AsyncExecution",),
    "asynchronous.session": ("AsyncSession",),
    "blocking.client": ("Client",),
    "blocking.execution": ("Execution",),
    "blocking.session": ("Session",),
    "errors": (
        *("AnswerError", "AuthenticationError", "BusyError", "ClocheError", "ConflictError"),
        *("ConnectionFailedError", "DeadlineExceededError", "ExecutionCancelledError"),
        *("ExecutionFailedError", "FileMissingError", "InvalidRequestError", "InvalidSyntaxError"),
        *("NotFoundError", "ProgramFailedError", "RateLimitedError", "RecordRemovedError"),
        *("SettingsError", "TooLargeError", "UnexpectedAnswerError", "UnsafePathError"),
        "WaitTimeoutError",
    ),
    "events": ("Event", "Exit", "ResultShown", "Started", "Stderr", "Stdout"),
    "files": ("read_files", "save_files"),
    "models": (
        *("CellError", "ExecutionState", "ExecutionSummary", "LanguageInfo", "OmittedFile"),
        *("OutputFile", "Program", "Result", "SessionFile", "SessionInfo", "Shown", "Usage"),
    ),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [  # noqa: RUF022  mypy reads the names above
    "__version__",
    "AnswerError", "AsyncClient", "AsyncExecution", "AsyncSession", "AuthenticationError",
    "BusyError", "CellError", "Client", "ClocheError", "ConflictError", "ConnectionFailedError",
    "DeadlineExceededError", "Event", "Execution", "ExecutionCancelledError",
    "ExecutionFailedError", "ExecutionState", "ExecutionSummary", "Exit", "FileMissingError",
    "InvalidRequestError", "InvalidSyntaxError", "LanguageInfo", "NotFoundError", "OmittedFile",
    "OutputFile", "Program", "ProgramFailedError", "RateLimitedError", "RecordRemovedError",
    "Result", "ResultShown", "Session", "SessionFile", "SessionInfo", "SettingsError", "Shown",
    "Started", "Stderr", "Stdout", "TooLargeError", "UnexpectedAnswerError", "UnsafePathError",
    "Usage", "WaitTimeoutError", "read_files", "save_files",
]  # fmt: skip


def __getattr__(name: str) -> object:
    """Import a public name at its first use. Raises AttributeError for another one."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib  # noqa: PLC0415  as late as the names

    found: object = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = found
    return found
