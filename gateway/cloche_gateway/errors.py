"""Errors of requests. Their messages are shown to the client.

`http/error_handlers.py` maps them to HTTP status codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloche_api.accounting.write_limit import Excess

BATCH_ITEMS_MAX = 10
"""The most requests in one batch."""
NAME_CHARACTERS = 100
"""Length of a client's own string when a response quotes it."""


def shown(name: str) -> str:
    """Return a client's string, cut to `NAME_CHARACTERS`."""
    return name if len(name) <= NAME_CHARACTERS else name[:NAME_CHARACTERS] + "…"


class GatewayError(Exception):
    """Base class. `str(error)` is the `detail` of the response.

    Lone surrogates in quoted input are replaced, so that the message is valid UTF-8.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(message.encode("utf-8", "replace").decode("utf-8"))


class InvalidRequestError(GatewayError):
    """The request breaks a rule. The message names the field and the rule."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")


class UnsupportedMediaTypeError(InvalidRequestError):
    """The body has another Content-Type than the route reads."""


class BatchTooLargeError(GatewayError):
    """The batch has more than `BATCH_ITEMS_MAX` requests."""

    def __init__(self) -> None:
        super().__init__(f"Maximum {BATCH_ITEMS_MAX} executions allowed in a batch")


class UnsupportedLanguageError(GatewayError):
    """No installed runtime has this name or alias."""

    def __init__(self, language: str, supported: list[str]) -> None:
        shown = language if len(language) <= 63 else language[:63] + "…"  # noqa: PLR2004  a name's length
        names = ", ".join(supported) or "none is installed"
        super().__init__(f"Unsupported language: {shown}. Supported languages: {names}")


class LanguageNotFoundError(GatewayError):
    """As UnsupportedLanguageError, for a language in the URL's path."""


class TooLargeError(GatewayError):
    """The body or a field is over its limit. The message names both."""


class KeyRequiredError(GatewayError):
    """The request has no API key."""

    def __init__(self) -> None:
        super().__init__("API key is required")


class KeyInvalidError(GatewayError):
    """The API key is unknown."""

    def __init__(self) -> None:
        super().__init__("Invalid API key")


class KeyExpiredError(GatewayError):
    """The API key has expired."""

    def __init__(self) -> None:
        super().__init__("API key has expired")


class RateLimitedError(GatewayError):
    """The API key's rate limit is exceeded. More is allowed in `reset` seconds."""

    def __init__(self, reset: int) -> None:
        super().__init__("Rate limit exceeded. Please try again later.")
        self.reset = reset


class WriteLimitedError(RateLimitedError):
    """The tenant's executions have written too many bytes. The message gives the amount."""

    def __init__(self, excess: Excess) -> None:
        super().__init__(excess.seconds)
        self.args = (str(excess),)


class TooManyAtOnceError(GatewayError):
    """The API key has reached its limit of in-flight requests."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"Too many requests at a time: an API key may have {most} in progress. "
            "Wait until some of them are answered."
        )


class ExecutionNotFoundError(GatewayError):
    """The execution does not exist, or belongs to another tenant."""

    def __init__(self, execution_id: str) -> None:
        super().__init__(f"Execution {execution_id[:100]} not found")


class SessionNotFoundError(GatewayError):
    """The session does not exist, has ended, or belongs to another tenant."""

    def __init__(self, session_id: str) -> None:
        super().__init__(f"Session {session_id[:100]} not found")


class SessionFileNotFoundError(GatewayError):
    """A session has no regular file with this path."""

    def __init__(self, path: str) -> None:
        super().__init__(f"File {shown(path)} not found")


class SessionFilesError(GatewayError):
    """The files of a session cannot be written. The message names the file and the reason."""


class SessionFailedError(GatewayError):
    """The session could not be started, because of a failure of the system."""

    def __init__(self, why: str) -> None:
        super().__init__(f"Session failed: {why}")


class KeyReusedError(GatewayError):
    """The Idempotency-Key was used with a different request."""

    def __init__(self) -> None:
        super().__init__("Idempotency-Key: was already used with another request")


class RecordRemovedError(GatewayError):
    """The Idempotency-Key belongs to an execution whose record was removed."""

    def __init__(self) -> None:
        super().__init__(
            "Idempotency-Key: the execution of this key has been removed and is not run again. "
            "Use a new key for a new execution."
        )


class StillRunningError(GatewayError):
    """The record cannot be removed, because the execution has not ended."""

    def __init__(self, execution_id: str) -> None:
        super().__init__(
            f"Execution {execution_id} has not ended. Cancel it first (DELETE without purge), "
            "then remove its record."
        )


class ExecutionError(GatewayError):
    """An error with the id of an execution that exists, or may exist."""

    def __init__(self, message: str, execution_id: str | None = None) -> None:
        super().__init__(message)
        self.execution_id = execution_id


class BusyError(ExecutionError):
    """The request is valid, but cannot be served now. The client can retry it later."""

    def __init__(self, execution_id: str | None = None) -> None:
        super().__init__("Service busy. Please try again later.", execution_id)


class OverloadedError(GatewayError):
    """A limit on the gateway's memory or event streams is reached.

    `why` names the limit and ends with what the client can do.
    """

    def __init__(self, why: str) -> None:
        super().__init__(f"Service busy: {why}.")


class DrainingError(ExecutionError):
    """The gateway shuts down before the execution has ended. The execution goes on."""

    def __init__(self, execution_id: str) -> None:
        super().__init__(
            "The gateway is shutting down and the execution continues. "
            f"GET /api/v1/execute/status/{execution_id} returns its result.",
            execution_id,
        )


class FailedError(ExecutionError):
    """The execution failed because of the system, not the program."""

    def __init__(self, why: str, execution_id: str | None = None) -> None:
        super().__init__(f"Execution failed: {why}", execution_id)


class RejectedError(ExecutionError):
    """The execution was created and then rejected or cancelled, so that it has no result."""


class ClientGoneError(GatewayError):
    """The client disconnected before it was answered."""
