"""Security headers of each response, and responses that are written without a route."""

from __future__ import annotations

import json
import uuid

POLICY = b"content-security-policy"
SECURITY: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    # A program's output is only for the client that requested it, so caches must not store it.
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (POLICY, b"default-src 'none'; frame-ancestors 'none'"),
)
"""Headers that prevent a browser from treating a response as anything but JSON.

Source: https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers.
Strict-Transport-Security is omitted, because TLS ends at the ingress, which should set it.
"""
WITHOUT_POLICY = tuple(one for one in SECURITY if one[0] != POLICY)
"""The headers for a response that sets its own policy. A browser would enforce both policies."""

SECURITY_LINES = b"".join(b"%s: %s\r\n" % one for one in SECURITY)
"""`SECURITY` as bytes of an HTTP/1.1 head."""


def refusal(status: bytes, detail: str, lines: bytes = b"") -> bytes:
    """Return the bytes of a complete response to a request that does not reach a route.

    The response has `connection: close`. `status` is the code and phrase, such as
    `400 Bad Request`. `lines` are additional headers, each with CRLF.
    """
    body = json.dumps({"detail": detail}).encode()
    head = (
        b"content-type: application/json\r\n"
        b"content-length: %d\r\n"
        b"x-request-id: %s\r\n"
        b"connection: close\r\n" % (len(body), str(uuid.uuid4()).encode())
    )
    return b"".join((b"HTTP/1.1 ", status, b"\r\n", head, lines, SECURITY_LINES, b"\r\n", body))
