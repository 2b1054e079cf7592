"""Messages of JSON-RPC 2.0 as MCP restricts them, and errors in their form.

Source: https://modelcontextprotocol.io/specification/2026-07-28/basic#messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from cloche_gateway.errors import GatewayError
from cloche_gateway.http.request import JsonResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

RequestId = str | int
"""The id of a request, and likewise a progress token."""
ID_CHARACTERS = 256
"""Length of a textual id. Clients use numbers or UUIDs, and each message to them repeats it."""
_ID_MAX = 2**63 - 1


class Code(IntEnum):
    """Codes of errors: those of JSON-RPC, and those that MCP adds."""

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL_ERROR = -32603
    RESOURCE_NOT_FOUND = -32002
    """Only in the revisions with a handshake."""
    HEADER_MISMATCH = -32020
    UNSUPPORTED_VERSION = -32022


class ProtocolError(GatewayError):
    """A mistake in a message, which is answered with this code and this HTTP status.

    `data` is further information in the error's form, and None if there is none. `id` is that of
    the request, and None as long as it is unknown.
    """

    def __init__(self, code: Code, message: str, *, status: int = 200, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.data = data
        self.id: RequestId | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a notification (`id` is None)."""

    method: str
    params: Mapping[str, Any]
    id: RequestId | None

    @property
    def meta(self) -> Mapping[str, Any]:
        """The request's metadata, empty if it has none or if it is not an object."""
        found = self.params.get("_meta")
        return found if isinstance(found, dict) else {}

    @property
    def progress_token(self) -> RequestId | None:
        """The token with which the client wants to receive progress, if any."""
        token = self.meta.get("progressToken")
        return token if _is_id(token) else None


@dataclass(frozen=True, slots=True)
class Reply:
    """A response that a client sent. There is no request to which it can belong."""


def parsed(value: Any) -> Message | Reply:
    """Return the message of a parsed body.

    Raises:
        ProtocolError: it is none. It has the request's id if that is valid.
    """
    if not isinstance(value, dict):
        raise _invalid("the body must be one JSON-RPC message; batches are not supported")
    given = value.get("id")
    identified = given if _is_id(given) else None
    try:
        return _message(value, identified)
    except ProtocolError as error:
        error.id = identified
        raise


def _message(value: dict[str, Any], identified: RequestId | None) -> Message | Reply:
    if value.get("jsonrpc") != "2.0":
        raise _invalid('jsonrpc must be "2.0"')
    method = value.get("method")
    if method is None and ("result" in value or "error" in value):
        return Reply()
    if not isinstance(method, str):
        raise _invalid("method must be a string")
    if "id" in value and identified is None:
        raise _invalid(
            f"id must be a string of at most {ID_CHARACTERS} characters or an integer of 64 bits"
        )
    params = value.get("params")
    if params is None:
        params = {}
    if not isinstance(params, dict):
        raise _invalid("params must be an object")
    return Message(method, params, identified)


def _is_id(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= ID_CHARACTERS and value == value.encode("utf-8", "replace").decode()
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _ID_MAX


def _invalid(rule: str) -> ProtocolError:
    return ProtocolError(Code.INVALID_REQUEST, f"Invalid request: {rule}", status=400)


def result(request: RequestId | None, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the response to a request, with its result."""
    return {"jsonrpc": "2.0", "id": request, "result": content}


def failure(request: RequestId | None, error: ProtocolError) -> dict[str, Any]:
    """Return the response to a request that failed. Its id is null if it could not be read."""
    body: dict[str, Any] = {"code": int(error.code), "message": str(error)}
    if error.data is not None:
        body["data"] = error.data
    return {"jsonrpc": "2.0", "id": request, "error": body}


def refused(error: ProtocolError, headers: dict[str, str] | None = None) -> Response:
    """Return the HTTP response to an error."""
    return JsonResponse(failure(error.id, error), error.status, headers)
