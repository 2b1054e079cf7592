"""What OpenAPI says of routes that read their bodies and errors themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloche_gateway.models import ExecuteRequest, Problem

if TYPE_CHECKING:
    from fastapi import FastAPI
    from pydantic import BaseModel

_TEMPLATE = "#/components/schemas/{model}"
_BODIES = (ExecuteRequest,)

_EXAMPLES = {
    400: "timeout: must be between 1 and 300",
    401: "API key is required",
    403: "Invalid API key",
    404: "Execution 550e8400-e29b-41d4-a716-446655440000 not found",
    409: "Execution cancelled",
    413: "code: must be at most 256 KiB, but has 300000 bytes",
    500: "Execution failed: container timeout",
    503: "Service busy. Please try again later.",
}
_WHEN = {
    400: "The language is not installed, the code cannot be parsed, or a field breaks a rule",
    401: "No API key",
    403: "No such API key",
    404: "No such execution of this key's tenant",
    409: "It was cancelled or deleted while the client waited",
    413: "The body or a field is over its limit",
    500: "The program hit its timeout, or the system failed; with what is known of the result",
    503: "The queue is full, or the cluster is out of reach",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors that a route may answer, each with an example."""
    return {
        status: {
            "model": Problem,
            "description": _WHEN[status],
            "content": {"application/json": {"example": {"detail": _EXAMPLES[status]}}},
        }
        for status in statuses
    }


def body(model: type[BaseModel]) -> dict[str, Any]:
    """The body of a route that parses it itself."""
    reference = {"$ref": _TEMPLATE.format(model=model.__name__)}
    content = {"application/json": {"schema": reference}}
    return {"requestBody": {"required": True, "content": content}}


def install(app: FastAPI) -> None:
    """Put the bodies that routes parse themselves among the document's components."""
    plain = app.openapi

    def with_bodies() -> dict[str, Any]:
        document = plain()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)  # FastAPI's own, which is never answered
        for model in _BODIES:
            schema = model.model_json_schema(ref_template=_TEMPLATE)
            schemas.update(schema.pop("$defs", {}))
            schemas[model.__name__] = schema
        return document

    app.openapi = with_bodies  # type: ignore[method-assign]  # FastAPI's own way to extend it
