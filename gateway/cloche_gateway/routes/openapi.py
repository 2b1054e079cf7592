"""Responses of routes in the OpenAPI document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloche_gateway.errors import RecordRemovedError
from cloche_gateway.models import ErrorResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI

_NEVER = ("HTTPValidationError", "ValidationError")
"""Schemas of the status code 422, which FastAPI adds and no route returns."""

EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events. The `data` of each event is JSON",
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "id": {"type": "string"},
                        "event": {"enum": ["started", "stdout", "stderr", "exit"]},
                        "data": {"type": "string", "contentMediaType": "application/json"},
                    },
                    "required": ["id", "event", "data"],
                }
            }
        },
    }
}
"""The response of the event stream. The schema describes one event."""

_EXAMPLES = {
    400: "timeout: must be between 0.1 and 300",
    401: "API key is required",
    403: "Invalid API key",
    404: "Execution 550e8400-e29b-41d4-a716-446655440000 not found",
    409: "Execution cancelled",
    410: str(RecordRemovedError()),
    413: "code: must be at most 256 KiB, but has 300000 bytes",
    429: "Rate limit exceeded. Please try again later.",
    500: "Execution failed: container timeout",
    503: "Service busy. Please try again later.",
}
_WHEN = {
    400: "The language is not installed, the code does not compile, or a field is not valid",
    401: "No API key",
    403: "The API key is unknown or has expired",
    404: "It does not exist, or belongs to another tenant",
    409: "The execution was cancelled or deleted while the client waited, or the "
    "Idempotency-Key was used with another request",
    410: "The record of the execution with this Idempotency-Key was removed",
    413: "The body or a field exceeds its limit",
    429: "A limit is exceeded: the API key's rate or requests at a time, or the bytes that its "
    "tenant may write",
    500: "The program exceeded its timeout, or the system failed. The response has the fields of "
    "the result that are known",
    503: "The queue or the storage is full, or the API server is unreachable",
}


UNKNOWN_PARAMETER: dict[int | str, dict[str, Any]] = {
    400: {
        "model": ErrorResponse,
        "description": "The query has an unknown or repeated parameter",
        "content": {"application/json": {"example": {"detail": "wiat: unknown parameter"}}},
    }
}
"""The response of each route to an unknown query parameter (`http.route`)."""


def problems(
    *statuses: int, details: Mapping[int, str] | None = None
) -> dict[int | str, dict[str, Any]]:
    """Return the error responses of a route, each with an example.

    `details` has the examples for some status codes; the others get the common ones.
    """
    examples = _EXAMPLES | dict(details or {})
    return {
        status: {
            "model": ErrorResponse,
            "description": _WHEN[status],
            "content": {"application/json": {"example": {"detail": examples[status]}}},
        }
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Remove the status code 422 from the OpenAPI document, because invalid requests get a 400."""
    plain = app.openapi

    def without_422() -> dict[str, Any]:
        document = plain()
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
        for name in _NEVER:
            document["components"]["schemas"].pop(name, None)
        return document

    app.openapi = without_422  # type: ignore[method-assign]  # as FastAPI documents it
