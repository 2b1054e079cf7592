"""The gateway's OpenAPI document, built without a cluster."""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any, cast

from fastapi import FastAPI

from cloche_gateway.app import create_app
from cloche_gateway.context import Context


@functools.cache
def operations() -> dict[str, dict[str, Any]]:
    """Return the operations of the document by route, such as `GET /health`."""
    settings = SimpleNamespace(cors_origins=(), dialects=(), playground=False)
    context = SimpleNamespace(settings=settings, metrics=None, budget=None)
    app = cast("Any", create_app(cast("Context", context)))._app
    assert isinstance(app, FastAPI)
    return {
        f"{method.upper()} {path}": operation
        for path, of_path in app.openapi()["paths"].items()
        for method, operation in of_path.items()
    }
