"""Headers that every answer has, so that no browser makes more of it than the JSON that it is."""

from __future__ import annotations

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
