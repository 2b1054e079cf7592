"""The ASGI application: routes, errors and what stands around every request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from cloche_gateway import __version__
from cloche_gateway.pace import Pace
from cloche_gateway.routes import (
    batch,
    docs,
    execute,
    executions,
    health,
    languages,
    metrics,
    openapi,
    problems,
    sessions,
)
from cloche_gateway.routes.cors import with_cors
from cloche_gateway.routes.middleware import RequestMiddleware

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from cloche_gateway.context import Context

_ABOUT = "Runs untrusted code, each piece in a Kubernetes Pod of its own, and answers its output."


def create_app(context: Context) -> ASGIApp:
    """The application of a context that is running already.

    What stands around every request stands around FastAPI, whose own last handler of errors
    would otherwise be outside.
    """
    app = FastAPI(
        title="Cloche",
        version=__version__,
        description=_ABOUT,
        redirect_slashes=False,  # both spellings are served, none is redirected
        openapi_url=None,  # `docs` serves it, made once
        docs_url=None,  # and a page of its own
        redoc_url=None,
    )
    app.state.context = context
    for module in (execute, batch, languages, executions, sessions, health, metrics, docs):
        app.include_router(module.router)
    problems.install(app)
    openapi.install(app)
    docs.install(app)
    return RequestMiddleware(
        with_cors(app, context.settings.cors_origins), context.metrics, Pace(context.budget)
    )
