"""Exceptions. `KINDS` is the only place that maps an answer to its class."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from cloche_client.models import Result


class ClocheError(Exception):
    """Base class. The message states the problem and what to do, and never contains a key."""


class SettingsError(ClocheError):
    """The URL, the key or the configuration file is missing or wrong."""


class UrlMissingError(SettingsError):
    """The URL is not set anywhere."""


class UnsafePathError(ClocheError):
    """A path must not be read or written."""


class WaitTimeoutError(ClocheError):
    """The execution has not ended within the time that the caller waits. It continues."""


class ConnectionFailedError(ClocheError):
    """The server was not reached, or the connection broke before its answer.

    `sent`: whether the request may have reached the server.
    """

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class UnexpectedAnswerError(ClocheError):
    """The answer is not one of Cloche's, for example that of a proxy."""


class AnswerError(ClocheError):
    """The server did not run the program as requested."""

    hint: ClassVar[str] = ""
    """What to do."""

    def __init__(  # noqa: PLR0913  by keyword
        self,
        detail: str,
        *,
        status: int | None = None,
        execution_id: str | None = None,
        result: Result | None = None,
        retry_after: float | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(f"{detail.rstrip('.')}. {self.hint}" if self.hint else detail)
        self.detail = detail
        """The server's sentence."""
        self.status = status
        """The HTTP status code; None if the error comes from a record."""
        self.execution_id = execution_id
        self.result = result
        """What is known of the program: of a timeout, its output so far."""
        self.retry_after = retry_after
        """Seconds after which a repetition may succeed."""
        self.request_id = request_id
        """The `X-Request-ID`, which the server's log has too."""


class InvalidRequestError(AnswerError):
    """The request breaks a rule, which `detail` states."""


class TooLargeError(InvalidRequestError):
    """The request, or a field of it, exceeds its limit."""


class AuthenticationError(AnswerError):
    """A missing key, or one that the server does not accept."""

    hint = (
        "Set CLOCHE_API_KEY to a valid key, or api_key in the configuration file. Administrators "
        "create keys with `cloche key create NAME`."
    )


class NotFoundError(AnswerError):
    """The execution, session or language does not exist, or belongs to another tenant."""


class FileMissingError(NotFoundError):
    """The session has no regular file with this path."""


class ConflictError(AnswerError):
    """The request does not fit the state of its object."""


class RecordRemovedError(AnswerError):
    """The record of this Idempotency-Key has been removed."""


class RateLimitedError(AnswerError):
    """The key's rate is exceeded, after all repetitions."""

    hint = "Send fewer requests, or ask an administrator for a key with a higher rate."


class BusyError(AnswerError):
    """The server has no room for the program, after all repetitions."""

    hint = "Try again later."


class ProgramFailedError(AnswerError):
    """The program did not end with exit code 0. Raised only with `check=True`, or as a subclass."""


class InvalidSyntaxError(ProgramFailedError):
    """The code cannot be parsed or compiled. `result.stderr` has the compiler's output."""


class DeadlineExceededError(ProgramFailedError):
    """The program exceeded its timeout. `result` has its output so far."""

    hint = "Set a longer timeout, or let the program do less."


class ExecutionCancelledError(AnswerError):
    """The execution was cancelled or deleted."""


class ExecutionFailedError(AnswerError):
    """The system failed, not the program. Another attempt may succeed."""


KINDS: dict[tuple[int, str | None], type[AnswerError]] = {
    (400, None): InvalidRequestError,
    (400, "InvalidSyntax"): InvalidSyntaxError,
    (401, None): AuthenticationError,
    (403, None): AuthenticationError,
    (404, None): NotFoundError,
    (409, None): ConflictError,
    (409, "Cancelled"): ExecutionCancelledError,
    (410, None): RecordRemovedError,
    (413, None): TooLargeError,
    (429, None): RateLimitedError,
    (500, None): ExecutionFailedError,
    (500, "DeadlineExceeded"): DeadlineExceededError,
    (503, None): BusyError,
}
"""The exception for a status code and a reason. None: any other reason, or none."""


def kind_of(status: int, reason: str | None) -> type[AnswerError] | None:
    """Return the exception for an answer, None if its status code is not one of Cloche's."""
    return KINDS.get((status, reason)) or KINDS.get((status, None))
