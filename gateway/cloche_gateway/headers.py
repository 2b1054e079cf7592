"""Headers that every answer has, so that no browser makes more of it than the JSON that it is."""

from __future__ import annotations

import json
import uuid

POLICY = b"content-security-policy"
SECURITY: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    # What programs print is for who asked; no cache on the way keeps it.
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (POLICY, b"default-src 'none'; frame-ancestors 'none'"),
)
"""https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers.
Not Strict-Transport-Security: TLS ends at the ingress, which alone can promise it."""
WITHOUT_POLICY = tuple(one for one in SECURITY if one[0] != POLICY)
"""For an answer that has a policy of its own: of two a browser obeys both."""

SECURITY_LINES = b"".join(b"%s: %s\r\n" % one for one in SECURITY)
"""The same as they go over the wire."""


def refusal(status: bytes, detail: str, lines: bytes = b"") -> bytes:
    """A whole answer to what no route sees, after which the connection ends.

    `status` is code and phrase, `lines` are further headers, each with its line's end.
    """
    body = json.dumps({"detail": detail}).encode()
    head = (
        b"content-type: application/json\r\n"
        b"content-length: %d\r\n"
        b"x-request-id: %s\r\n"
        b"connection: close\r\n" % (len(body), str(uuid.uuid4()).encode())
    )
    return b"".join((b"HTTP/1.1 ", status, b"\r\n", head, lines, SECURITY_LINES, b"\r\n", body))
