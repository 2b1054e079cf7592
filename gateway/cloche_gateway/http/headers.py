"""Headers of responses for browsers: security headers, and cross-origin resource sharing (CORS)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.middleware.cors import CORSMiddleware

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp

SECURITY: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    # A program's output is only for the client that requested it, so caches must not store it.
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
"""Headers that prevent a browser from treating a response as anything but JSON. A response can set
one of them itself and then does not get it a second time.

Source: https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers.
Strict-Transport-Security is omitted, because TLS ends at the ingress, which should set it.
"""

_METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE")
_SENT = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "Last-Event-ID",
    "Mcp-Method",
    "Mcp-Name",
    "MCP-Protocol-Version",
    "X-API-Key",
    "X-Auth-Token",
    "X-RapidAPI-Host",
    "X-RapidAPI-Key",
    "X-Request-ID",
)
"""Request headers that a page may send."""
_READ = (
    "Location",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-ID",
)
"""Response headers that a page may read, in addition to the CORS-safelisted ones."""
_PREFLIGHT_SECONDS = 600
"""How long a browser may cache the preflight response. Chromium caps it at 7200 s."""


def with_cors(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """Return the application with CORS for these origins, or as it is if there are none.

    `*` allows every origin.

    Credentials (cookies) are never allowed, because a page sends its API key in a header.
    """
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=_METHODS,
        allow_headers=_SENT,
        expose_headers=_READ,
        max_age=_PREFLIGHT_SECONDS,
    )
