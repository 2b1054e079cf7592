"""OpenAPI descriptions for routes that parse bodies and parameters themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.security import APIKeyHeader, HTTPBearer

from cloche_gateway.errors import RecordRemovedError
from cloche_gateway.models import ErrorResponse, ExecuteRequest, SessionRequest
from cloche_gateway.requests.queries import (
    LIST_LIMIT,
    LIST_LIMIT_MAX,
    STATUSES,
    WAIT_SECONDS_MAX,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI
    from pydantic import BaseModel

_TEMPLATE = "#/components/schemas/{model}"
_BODIES = (ExecuteRequest, SessionRequest)
_NEVER = ("HTTPValidationError", "ValidationError")
"""Schemas of the status code 422, which FastAPI adds and no route returns."""
_KEYED = frozenset({"execute", "executions", "sessions"})
"""The tags of the routes that need an API key."""
_SCHEMES = {
    scheme.scheme_name: scheme.model.model_dump(mode="json", by_alias=True, exclude_none=True)
    for scheme in (
        APIKeyHeader(name="X-API-Key"),
        HTTPBearer(description="The API key as a bearer token."),
    )
}
"""The security schemes. They are declared here and not as dependencies of the routes, because
FastAPI would resolve dependencies for each request."""

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "A repeated request with the same key gets the same execution and response. "
    "The program does not run again.",
}
WAIT = {
    "name": "wait",
    "in": "query",
    "required": False,
    "schema": {"type": "number", "minimum": 0, "maximum": WAIT_SECONDS_MAX, "default": 0},
    "description": "Seconds to wait at most for the end of the execution before responding.",
}

PURGE = {
    "name": "purge",
    "in": "query",
    "required": False,
    "schema": {"type": "boolean", "default": False},
    "description": "Remove the record of an execution that has ended.",
}
STRICT = {
    "name": "strict",
    "in": "query",
    "required": False,
    "schema": {"type": "boolean", "default": False},
    "description": "Reject a request with unknown fields, instead of ignoring them.",
}

LISTING = tuple(
    {"name": name, "in": "query", "required": False, "schema": schema, "description": words}
    for name, schema, words in (
        (
            "limit",
            {"type": "integer", "minimum": 1, "maximum": LIST_LIMIT_MAX, "default": LIST_LIMIT},
            "Maximum number of executions.",
        ),
        ("language", {"type": "string"}, "Only executions in this language, by name or alias."),
        ("status", {"type": "string", "enum": list(STATUSES)}, "Only executions with this status."),
        (
            "session_id",
            {"type": "string", "maxLength": 63},
            "Only executions with this session id.",
        ),
        ("cursor", {"type": "string"}, "The `next_cursor` of the previous page."),
    )
)
LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The id of the last received event. The stream resumes after it.",
}
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
    400: "timeout: must be between 1 and 300",
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


_UNKNOWN_PARAMETER = {
    "description": "The query has an unknown or repeated parameter",
    "content": {
        "application/json": {
            "schema": {"$ref": _TEMPLATE.format(model=ErrorResponse.__name__)},
            "example": {"detail": "wiat: unknown parameter"},
        }
    },
}
"""The response of each route to an unknown query parameter (`http.request`)."""


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


def takes(model: type[BaseModel] | None, *parameters: dict[str, Any]) -> dict[str, Any]:
    """Return `openapi_extra` of a route with this body, if any, and these parameters."""
    extra: dict[str, Any] = {"parameters": list(parameters)} if parameters else {}
    if model is not None:
        reference = {"$ref": _TEMPLATE.format(model=model.__name__)}
        content = {"application/json": {"schema": reference}}
        extra["requestBody"] = {"required": True, "content": content}
    return extra


def takes_list(model: type[BaseModel], most: int, *parameters: dict[str, Any]) -> dict[str, Any]:
    """Return `openapi_extra` of a route whose body is a list of 1 to `most` of these models."""
    extra = takes(model, *parameters)
    content = extra["requestBody"]["content"]["application/json"]
    content["schema"] = {
        "type": "array", "minItems": 1, "maxItems": most, "items": content["schema"]
    }  # fmt: skip
    return extra


def install(app: FastAPI) -> None:
    """Add the request bodies and the security schemes to the application's OpenAPI document."""
    plain = app.openapi

    def with_bodies() -> dict[str, Any]:
        document = plain()
        components = document.setdefault("components", {})
        components["securitySchemes"] = _SCHEMES
        schemas = components.setdefault("schemas", {})
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)  # as _NEVER
                operation["responses"].setdefault("400", _UNKNOWN_PARAMETER)
                if _KEYED & set(operation.get("tags", ())):
                    operation["security"] = [{name: []} for name in _SCHEMES]
        for name in _NEVER:
            schemas.pop(name, None)
        for model in _BODIES:
            schema = model.model_json_schema(ref_template=_TEMPLATE)
            schemas.update(schema.pop("$defs", {}))
            schemas[model.__name__] = schema
        return document

    app.openapi = with_bodies  # type: ignore[method-assign]  # as FastAPI documents it
