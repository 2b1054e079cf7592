"""The ASGI application: routes, exception handlers and middleware."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from cloche_gateway import __version__
from cloche_gateway.dialects import ROUTERS
from cloche_gateway.http import error_handlers
from cloche_gateway.http.headers import with_cors
from cloche_gateway.http.middleware import RequestMiddleware
from cloche_gateway.limits.pace import Pace
from cloche_gateway.routes import (
    docs,
    execute,
    executions,
    health,
    languages,
    openapi,
    playground,
    session_files,
    sessions,
)

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from cloche_gateway.context import Context

_ABOUT = "Runs untrusted programs, each in its own Kubernetes Pod, and returns their output."


def create_app(context: Context) -> ASGIApp:
    """Return the application for a running context.

    The middleware wraps FastAPI instead of being added to it, because FastAPI's outermost error
    handler would otherwise be outside of it.
    """
    app = FastAPI(
        title="Cloche",
        version=__version__,
        description=_ABOUT,
        servers=[{"url": "/", "description": "The host that serves this document"}],
        redirect_slashes=False,  # the middleware serves paths with a trailing slash
        openapi_url=None,  # `routes.docs` serves a document that is built once,
        docs_url=None,  # and its own page
        redoc_url=None,
    )
    app.state.context = context
    for module in (execute, languages, executions, sessions, session_files, health, docs):
        app.include_router(module.router, responses=openapi.UNKNOWN_PARAMETER)
    if context.settings.playground:
        app.include_router(playground.router)
    for name in context.settings.dialects:
        for router in ROUTERS[name]:
            app.include_router(router)
    error_handlers.install(app)
    openapi.install(app)
    docs.install(app)
    playground.load(context.settings)
    return RequestMiddleware(
        with_cors(app, context.settings.cors_origins), context.metrics, Pace(context.budget)
    )
