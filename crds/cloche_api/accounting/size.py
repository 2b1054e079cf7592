"""The size of a value in etcd, as serialised JSON."""

from __future__ import annotations

from typing import Any

# Go's encoding/json writes these as two characters (https://pkg.go.dev/encoding/json) …
_TWO = b'"\\\n\r\t\b\f'
# … and these as six: other control characters, and what could end a script element in HTML.
_SIX = bytes(c for c in range(0x20) if c not in _TWO) + b"<>&"
_LINE_SEPARATORS = ("\u2028", "\u2029")  # three bytes of UTF-8, six as an escape


def json_bytes(text: str) -> int:
    """Return the bytes of `text` in a JSON string from the API server, without the quotes."""
    if text.isascii() and text.isalnum():
        return len(text)  # most strings of an object are names
    raw = text.encode("utf-8", "surrogatepass")
    size = len(raw)
    size += len(raw) - len(raw.translate(None, _TWO))
    size += 5 * (len(raw) - len(raw.translate(None, _SIX)))
    return size + 3 * sum(text.count(separator) for separator in _LINE_SEPARATORS)


def object_bytes(value: Any) -> int:
    """Return the bytes of a JSON value (dict, list, string, number, boolean or None) from there."""
    if isinstance(value, str):
        return json_bytes(value) + 2
    if isinstance(value, dict):
        return 2 + sum(object_bytes(k) + object_bytes(v) + 2 for k, v in value.items())
    if isinstance(value, list):
        return 2 + sum(object_bytes(item) + 1 for item in value)
    return len(str(value)) + 1  # an upper bound
