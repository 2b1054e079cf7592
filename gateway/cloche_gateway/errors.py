"""What can go wrong with a request, in the words that its sender reads.

Which HTTP status each becomes stands in `routes/problems.py` alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloche_api.write_limit import Excess

BATCH_ITEMS_MAX = 10
"""Requests of one batch."""


class GatewayError(Exception):
    """The base of all. `str(error)` is the answer's `detail`, fit for JSON whatever was quoted."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message.encode("utf-8", "replace").decode("utf-8"))


class InvalidRequestError(GatewayError):
    """The request breaks a rule. The message names the field and the rule."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")


class BatchTooLargeError(GatewayError):
    """The batch has more requests than one may have."""

    def __init__(self) -> None:
        super().__init__(f"Maximum {BATCH_ITEMS_MAX} executions allowed in a batch")


class UnsupportedLanguageError(GatewayError):
    """No installed runtime has that name or alias."""

    def __init__(self, language: str, supported: list[str]) -> None:
        shown = language if len(language) <= 63 else language[:63] + "…"  # noqa: PLR2004  a name's length
        names = ", ".join(supported) or "none is installed"
        super().__init__(f"Unsupported language: {shown}. Supported languages: {names}")


class LanguageNotFoundError(GatewayError):
    """The same, where the language stands in the path."""


class TooLargeError(GatewayError):
    """The body or a field is over its limit. The message names both."""


class KeyRequiredError(GatewayError):
    """The request came without an API key."""

    def __init__(self) -> None:
        super().__init__("API key is required")


class KeyInvalidError(GatewayError):
    """No record has that API key."""

    def __init__(self) -> None:
        super().__init__("Invalid API key")


class KeyExpiredError(GatewayError):
    """The API key was valid until its time was over."""

    def __init__(self) -> None:
        super().__init__("API key has expired")


class RateLimitedError(GatewayError):
    """The API key has asked too often. In `reset` seconds it may ask for more."""

    def __init__(self, reset: int) -> None:
        super().__init__("Rate limit exceeded. Please try again later.")
        self.reset = reset


class WriteLimitedError(RateLimitedError):
    """The tenant's executions have written too many bytes. The message names them."""

    def __init__(self, excess: Excess) -> None:
        super().__init__(excess.seconds)
        self.args = (str(excess),)


class TooManyAtOnceError(GatewayError):
    """As many requests of the API key are being answered as may be at a time."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"Too many requests at a time: {most} of this key are being answered, and that is the "
            "most. Wait for some of them."
        )


class ExecutionNotFoundError(GatewayError):
    """There is no such execution, or it is another tenant's."""

    def __init__(self, execution_id: str) -> None:
        super().__init__(f"Execution {execution_id[:100]} not found")


class SessionNotFoundError(GatewayError):
    """There is no such session, it has ended, or it is another tenant's."""

    def __init__(self, session_id: str) -> None:
        super().__init__(f"Session {session_id[:100]} not found")


class SessionFailedError(GatewayError):
    """The session that was asked for could not be had; nobody is to blame but the system."""

    def __init__(self, why: str) -> None:
        super().__init__(f"Session failed: {why}")


class KeyReusedError(GatewayError):
    """The Idempotency-Key belongs to a request that asked for something else."""

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
    """The execution has not ended: there is no record to be removed yet."""

    def __init__(self, execution_id: str) -> None:
        super().__init__(
            f"Execution {execution_id} has not ended: cancel it (DELETE without purge), "
            "and remove its record afterwards"
        )


class ExecutionError(GatewayError):
    """Something about an execution that exists, or may exist, under this id."""

    def __init__(self, message: str, execution_id: str | None = None) -> None:
        super().__init__(message)
        self.execution_id = execution_id


class BusyError(ExecutionError):
    """Nothing is wrong with the request; it may be sent again later."""

    def __init__(self, execution_id: str | None = None) -> None:
        super().__init__("Service busy. Please try again later.", execution_id)


class OverloadedError(GatewayError):
    """The process keeps as many bytes for its clients as it may. `why` ends with what to do."""

    def __init__(self, why: str) -> None:
        super().__init__(f"Service busy: {why}.")


class DrainingError(ExecutionError):
    """This gateway stops before the execution has ended. The execution goes on."""

    def __init__(self, execution_id: str) -> None:
        super().__init__(
            "The gateway is being stopped. The execution goes on: "
            f"GET /api/v1/execute/status/{execution_id} tells its result.",
            execution_id,
        )


class FailedError(ExecutionError):
    """The system failed, not the program."""

    def __init__(self, why: str, execution_id: str | None = None) -> None:
        super().__init__(f"Execution failed: {why}", execution_id)


class ClientGoneError(GatewayError):
    """Nobody is there to read an answer."""
