"""OpenAPI descriptions for routes that parse bodies and parameters themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloche_gateway.errors import RecordRemovedError
from cloche_gateway.models import ExecuteRequest, Problem, SessionRequest
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
_KEYED = frozenset({"execute", "executions", "sessions"})
"""The tags of the routes that need an API key."""
_SCHEMES = {
    "APIKeyHeader": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "HTTPBearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The same key, as a bearer token.",
    },
}
"""The security schemes. They are declared here and not as dependencies of the routes, because
FastAPI would resolve dependencies for each request."""

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "A request that is repeated with the same key gets the same execution and "
    "answer, never a second run.",
}
WAIT = {
    "name": "wait",
    "in": "query",
    "required": False,
    "schema": {"type": "number", "minimum": 0, "maximum": WAIT_SECONDS_MAX, "default": 0},
    "description": "Seconds to hold the answer until the execution has ended.",
}

PURGE = {
    "name": "purge",
    "in": "query",
    "required": False,
    "schema": {"type": "boolean", "default": False},
    "description": "Remove the record of an execution that has ended.",
}

LISTING = tuple(
    {"name": name, "in": "query", "required": False, "schema": schema, "description": words}
    for name, schema, words in (
        (
            "limit",
            {"type": "integer", "minimum": 1, "maximum": LIST_LIMIT_MAX, "default": LIST_LIMIT},
            "How many at most.",
        ),
        ("language", {"type": "string"}, "Only those of this language, by name or alias."),
        ("status", {"type": "string", "enum": list(STATUSES)}, "Only those that stand so."),
        ("session_id", {"type": "string", "maxLength": 63}, "Only those of this session."),
        ("cursor", {"type": "string"}, "The `next_cursor` of the page before."),
    )
)
LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The id of the last event that was received: go on after it.",
}
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Each event's `data` is JSON",
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
    400: "The language is not installed, the code cannot be parsed, or a field breaks a rule",
    401: "No API key",
    403: "No such API key",
    404: "No such execution or session of this key's tenant",
    409: "It was cancelled or deleted while the client waited, or the Idempotency-Key was used "
    "with another request",
    410: "The execution of this Idempotency-Key has been removed and is not run again",
    413: "The body or a field is over its limit",
    429: "The API key has asked too often or for too much at a time, or its tenant has caused too "
    "many bytes to be written",
    500: "The program hit its timeout, or the system failed; with what is known of the result",
    503: "The queue or the storage is full, or the cluster is out of reach",
}


_UNKNOWN_PARAMETER = {
    "description": "The query has a parameter that is not known, or one twice",
    "content": {
        "application/json": {
            "schema": {"$ref": _TEMPLATE.format(model=Problem.__name__)},
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
            "model": Problem,
            "description": _WHEN[status],
            "content": {"application/json": {"example": {"detail": examples[status]}}},
        }
        for status in statuses
    }


def takes(model: type[BaseModel] | None, *parameters: dict[str, Any]) -> dict[str, Any]:
    """Return `openapi_extra` of a route with this body, if any, and these parameters."""
    told: dict[str, Any] = {"parameters": list(parameters)} if parameters else {}
    if model is not None:
        reference = {"$ref": _TEMPLATE.format(model=model.__name__)}
        content = {"application/json": {"schema": reference}}
        told["requestBody"] = {"required": True, "content": content}
    return told


def takes_list(model: type[BaseModel], most: int) -> dict[str, Any]:
    """Return `openapi_extra` of a route whose body is a list of 1 to `most` of these models."""
    told = takes(model)
    content = told["requestBody"]["content"]["application/json"]
    content["schema"] = {
        "type": "array", "minItems": 1, "maxItems": most, "items": content["schema"]
    }  # fmt: skip
    return told


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
                operation["responses"].pop("422", None)  # added by FastAPI, never returned
                operation["responses"].setdefault("400", _UNKNOWN_PARAMETER)
                if _KEYED & set(operation.get("tags", ())):
                    operation["security"] = [{name: []} for name in _SCHEMES]
        for model in _BODIES:
            schema = model.model_json_schema(ref_template=_TEMPLATE)
            schemas.update(schema.pop("$defs", {}))
            schemas[model.__name__] = schema
        return document

    app.openapi = with_bodies  # type: ignore[method-assign]  # as FastAPI documents it
