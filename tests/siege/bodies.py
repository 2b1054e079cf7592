"""Bodies of the maximum size, each expensive to parse or keep."""

from __future__ import annotations

import itertools
import json
import string

SIZE = 4 * 1024 * 1024
"""Bytes of the largest body that the gateway reads by default (`gateway.maxBodyBytes`)."""

_LETTERS = string.ascii_letters + string.digits + "-_"
_MARGIN = 4096
_FIELD = 256 * 1024
"""Maximum bytes of an execution's source and of its standard input."""


def unknown_fields() -> bytes:
    """Return an object with the maximum number of distinct names."""
    fields: list[str] = []
    size = 2
    for length in itertools.count(1):
        for letters in itertools.product(_LETTERS, repeat=length):
            size += length + 5
            if size > SIZE - _MARGIN:
                return f"{{{','.join(fields)}}}".encode()
            fields.append(f'"{"".join(letters)}":0')
    raise AssertionError


def empty_objects() -> bytes:
    """Return a request with the maximum number of empty objects as files."""
    count = (SIZE - _MARGIN) // 3
    return b'{"code":"","language":"python","files":[' + b",".join([b"{}"] * count) + b"]}"


def escapes() -> bytes:
    """Return a request whose source consists of escapes, six bytes for each character."""
    return b'{"language":"python","code":"' + rb"\u0061" * ((SIZE - _MARGIN) // 6) + b'"}'


def large_sleeper(seconds: int) -> bytes:
    """Return a valid request of nearly `SIZE` bytes: a Python program that only sleeps.

    Each character is escaped, and one is outside the Basic Multilingual Plane, so that Python needs
    four bytes for each character of the text.
    """
    wide = r"\ud83d\ude00"
    source = f"import time;time.sleep({seconds})#"
    code = json.dumps(source)[1:-1] + wide + r"\u0061" * (_FIELD - len(source) - 8)
    stdin = wide + r"\u0061" * (_FIELD - 8)
    content = wide + r"\u0061" * (160 * 1024)
    files = f'[{{"path":"f","content":"{content}"}}]'
    timeout = seconds + 5
    return (
        f'{{"language":"python","timeout":{timeout},"code":"{code}","stdin":"{stdin}",'
        f'"files":{files}}}'
    ).encode()
