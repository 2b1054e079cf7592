"""Middleware for each request: request id, trailing slash, security headers, log line and metric.

A path with a trailing slash is served like the path without it. A slash that is encoded, as %2F, is
part of a name.

The log has the route's template instead of the path, and no query, because a client can put
anything there, even an API key. The log line identifies the request and the execution by their ids.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from typing import TYPE_CHECKING, Any

from cloche_api import logs
from cloche_api.keys import KEY_PREFIX
from cloche_gateway.errors import BusyError
from cloche_gateway.http import error_handlers
from cloche_gateway.http.headers import SECURITY
from cloche_gateway.http.request import state_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from cloche_gateway.http.request import RequestState
    from cloche_gateway.limits.pace import Pace
    from cloche_gateway.limits.rates import Quota
    from cloche_gateway.metrics import Metrics

_log = logging.getLogger(__name__)

_SANE_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
_QUIET = frozenset({"/health", "/health/live", "/health/ready", "/metrics"})
"""Paths that probes and scrapers request every few seconds. They are logged at debug level, and are
the only ones served on the spare connections of a full gateway."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_TOO_MANY, _CLIENT_GONE = 429, 499


class RequestMiddleware:
    """The middleware. It is plain ASGI, so that a client's disconnect reaches the route."""

    def __init__(self, app: ASGIApp, metrics: Metrics, pace: Pace) -> None:
        self._app = app
        self._metrics = metrics
        self._pace = pace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = state_of(scope)
        state.request_id = request_id = _request_id(scope)
        logs.request_id.set(request_id)
        logs.execution_id.set(None)
        path: str = scope["path"]
        if len(path) > 1 and path.endswith("/") and scope["raw_path"].endswith(b"/"):
            scope["path"] = path[:-1]
        began, status = time.perf_counter(), 0

        async def with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                await self._turn(state, status)
                own = message.get("headers", ())
                given = {name for name, _ in own}
                message["headers"] = [
                    *own,
                    *(one for one in SECURITY if one[0] not in given),
                    (b"x-request-id", request_id.encode()),
                    *_quota(state.quota),
                ]
            await send(message)

        try:
            if state.connection.spare and scope["path"] not in _QUIET:
                await error_handlers.answer(BusyError())(scope, receive, with_id)
            else:
                await self._answer(scope, receive, with_id)
        except Exception as error:  # noqa: BLE001  the last handler
            # If a response was started, the application's error handler has logged the error.
            if status == 0:
                _log.error("request not answered", exc_info=error)
        finally:
            state.answered()
            self._done(scope, status or _CLIENT_GONE, time.perf_counter() - began)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to the application. Serve a HEAD as a GET without the body."""
        if scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def head_alone(message: Message) -> None:
            if message["type"] == "http.response.start":
                scope["method"] = "HEAD"  # The server then sends no body.
                await send(message)
                # Completes the response, so that an event stream sees a disconnect and ends.
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        scope["method"] = "GET"
        await self._app(scope, receive, head_alone)

    async def _turn(self, state: RequestState, status: int) -> None:
        """Delay the response as `Pace` requires.

        This applies to clients without a valid key, to clients that pipeline requests, and to
        responses with status 429, or what a dialect returns instead. A delayed 429 no longer counts
        as a request in flight.
        """
        connection, caller = state.connection, state.caller
        if caller is None or connection.has_more():
            await self._pace.answer(connection)
        if caller is not None and (status == _TOO_MANY or state.over_limit):
            state.answered()
            await self._pace.refusal(connection, caller.tenant)

    def _done(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route: Any = scope.get("route")
        template = getattr(route, "path", "none")
        self._metrics.requests.labels(method, template, str(status)).inc()
        self._metrics.request_seconds.labels(method, template).observe(seconds)
        caller = state_of(scope).caller
        level = logging.DEBUG if scope["path"] in _QUIET else logging.INFO
        _log.log(
            level,
            "answered",
            extra={
                "method": method,
                "path": template,
                "status": status,
                "seconds": round(seconds, 6),
                "tenant": caller.tenant if caller else None,
                "key": caller.key if caller else None,
            },
        )


def _quota(quota: Quota | None) -> list[tuple[bytes, bytes]]:
    """Return the RateLimit headers, if the request was charged to a rate limit."""
    if quota is None:
        return []
    shown = {"limit": quota.limit, "remaining": quota.remaining, "reset": quota.reset}
    return [(f"ratelimit-{name}".encode(), str(value).encode()) for name, value in shown.items()]


def _request_id(scope: Scope) -> str:
    """Return the client's X-Request-ID, or a new id if it has none that is acceptable.

    The id is used in headers, annotations and log lines. One that looks like an API key is not
    accepted, because it would be logged and stored with the execution.
    """
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            text: str = value.decode("latin-1")
            if _SANE_ID.fullmatch(text) and KEY_PREFIX not in text.lower():
                return text
            break
    return str(uuid.uuid4())
