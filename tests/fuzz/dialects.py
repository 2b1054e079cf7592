"""Deliberately invalid requests to the dialects, and the rules for their answers.

The routes are those of `support.data.dialects`: of every dialect that this version serves. The
installation may have some of them switched off, which is a 404.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from fuzz import hostile
from fuzz.hostile import JSON, WORDS, Hostile, anything, dump
from support.data.dialects import FORM, READS, ROUTES, DialectRoute, changed

from cloche_gateway.dialects import ROUTERS
from cloche_gateway.settings import DialectName

_SHARE = 0.4
"""How many of all requests are sent to dialects."""
_KIB = 1024
_LATER = {503, 504}
"""Status codes by which a dialect reports that a request can be repeated later."""
_PREFIXES = ("/mcp", "/api/v2/", "/v1/", "/run_code", "/judge0/", "/jobe/", "/submissions",
             "/languages", "/statuses", "/about", "/system_info", "/config_info")  # fmt: skip
_CONNECT = "/api/v2/connect"
_HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def requests(seed: int, count: int) -> Iterator[Hostile]:
    """So many of them, to the own API and to the dialects."""
    source = random.Random(seed)  # noqa: S311  to be repeated, not to be secret
    own = hostile.requests(seed, count)
    for _ in range(count):
        if ROUTES and source.random() < _SHARE:
            yield source.choices(_MAKERS, _WEIGHTS)[0](source)
        else:
            yield next(own)


def is_dialect(target: str) -> bool:
    """Whether a request goes to a dialect."""
    return target.startswith(_PREFIXES)


def problem(status: int, headers: dict[str, str], body: bytes) -> str | None:
    """What is wrong with the answer of a dialect, None when nothing is."""
    # Frames after a request that is refused a websocket are requests, and get a response too.
    body = body[: int(headers.get("content-length", len(body)))]
    if status >= 500 and status not in _LATER:
        return f"{status} for a mistake of the client: {body[:200]!r}"
    if status < 200:
        return None
    if "x-request-id" not in headers:
        return None if status == 400 else "no X-Request-ID"  # 400: it was not HTTP
    for words in (b"internal error", b"Traceback"):
        if status >= 400 and words in body:
            return f"a bug: {body[:200]!r}"
    kind = headers.get("content-type", "")
    if body.strip() and kind.startswith("application/json"):
        try:
            json.loads(body)
        except ValueError:
            return f"no JSON in {body[:200]!r}"
    return None


def _sent(kind: str, route: DialectRoute, body: bytes, **headers: str) -> Hostile:
    named = {"Content-Type": JSON["Content-Type"], **headers}
    return Hostile(f"{route.dialect}: {kind}", route.method, route.path, body, named)


def _field(source: random.Random) -> Hostile:
    """A request with fields that are something else, at any depth."""
    route = source.choice(ROUTES)
    value: Any = changed(route, source.choice(("print(1)", "(", "import os")))
    for _ in range(source.randint(1, 3)):
        value = _elsewhere(source, value)
    return _sent("a field", route, dump(value))


def _elsewhere(source: random.Random, value: Any) -> Any:
    """Return the value with something else at one place."""
    if isinstance(value, dict) and value and source.random() < 0.8:
        name = source.choice(list(value))
        if source.random() < 0.15:
            return {one: inner for one, inner in value.items() if one != name}
        return {**value, name: _elsewhere(source, value[name])}
    if isinstance(value, list) and value and source.random() < 0.8:
        place = source.randrange(len(value))
        return [*value[:place], _elsewhere(source, value[place]), *value[place + 1 :]]
    return anything(source, 3)


def _text(source: random.Random) -> Hostile:
    """A program that is none, or too large for one."""
    route = source.choice(ROUTES)
    size = source.choice((256, 300, 700)) * _KIB
    text = source.choice((*WORDS, "x" * size, "\0" * size, "🎈" * (size // 4)))
    return _sent("a text", route, dump(changed(route, text)))


def _not_json(source: random.Random) -> Hostile:
    route = source.choice(ROUTES)
    whole = dump(route.body)
    body = source.choice(
        (
            whole[: source.randrange(len(whole))],
            bytes(source.randrange(256) for _ in range(source.randrange(200))),
            b"\xff\xfe" + whole.decode().encode("utf-16-le"),
            whole[:-1] + b',"x":NaN}',
            whole[:-1] + b"," + whole[1:],
            b"[" * 10_000,
            b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
            b"9" * 10_000,
            b"null",
            b'"text"',
            b"[]",
            b"",
        )
    )
    return _sent("no JSON", route, body)


def _form(source: random.Random) -> Hostile:
    """A form, which some dialects accept, or another type."""
    route = source.choice(ROUTES)
    pairs = [
        f"{quote(source.choice([*route.body, *WORDS]).encode('utf-8', 'replace'))}="
        f"{quote(source.choice(WORDS).encode('utf-8', 'replace'))}"
        for _ in range(source.choice((1, 3, 100)))
    ]
    body = source.choice(("&".join(pairs), "a" * 1000, "%" * 1000, "&" * 100_000)).encode()
    kind = source.choice((FORM, FORM, "multipart/form-data; boundary=x", "text/plain", ""))
    return _sent("a form", route, body, **{"Content-Type": kind})


def _costly(source: random.Random) -> Hostile:
    """A body that would become far more in memory than it is."""
    route = source.choice(ROUTES)
    unit = source.choice(("{}", "[]", "0", '""', '{"a":0}', '["0123456789","f"]'))
    whole = ",".join([unit] * (_KIB * source.choice((8, 512)) // len(unit)))
    name = source.choice(("files", "args", "file_list", "submissions", "params", "unknown"))
    return _sent("a costly body", route, dump(route.body)[:-1] + f',"{name}":[{whole}]}}'.encode())


def _huge(source: random.Random) -> Hostile:
    route = source.choice(ROUTES)
    return _sent("a huge body", route, b'{"a":"' + b"x" * 1000, **{"Content-Length": "10000000"})


def _path(source: random.Random) -> Hostile:
    """Something in the place of an id, or another method."""
    routes = [path for dialect, paths in READS.items() if ROUTERS[dialect] for path in paths]
    target = source.choice([*routes, *(route.path for route in ROUTES)])
    target = target.format(quote(source.choice(WORDS).encode("utf-8", "replace")))
    if source.random() < 0.3:
        target += f"?{source.choice(('tokens', 'fields', 'wait', 'language'))}="
        target += quote(source.choice(WORDS).encode("utf-8", "replace"))
    methods = ("GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
    return Hostile("dialects: a path", source.choice(methods), target)


def _key(source: random.Random) -> Hostile:
    """No key, or a wrong one, in any place that a dialect has for keys."""
    route = source.choice(ROUTES)
    name = source.choice(("X-API-Key", "Authorization", "X-Auth-Token", "X-RapidAPI-Key", "X-No"))
    value = source.choice(("", "wrong", "Bearer ", "Bearer wrong", "Basic eDp5", "é" * 50))
    headers = {**JSON, name: value}
    return Hostile(
        "dialects: a key", route.method, route.path, dump(route.body), headers, with_key=False
    )


def _socket(source: random.Random) -> Hostile:
    """A websocket of Piston, with frames that are none."""
    if not ROUTERS[DialectName.PISTON]:
        return _path(source)
    text = dump(anything(source, 3))
    frames = source.choice(
        (
            b"",
            b"\x00" * 1000,
            _frame(1, text),
            _frame(1, b'{"type":"init"}') * 3,
            _frame(1, b'{"type":"data","stream":"stdin","data":"x"}'),
            _frame(1, b"\xff\xfe"),
            _frame(2, text),
            _frame(0, text),
            _frame(9, b"x" * 125) * 500,
            _frame(8, b"\x00"),
            b"\x81\xff" + b"\x7f" + b"\xff" * 7 + b"\0\0\0\0",
            b"\x81\x05hello",
            b"\xf1" + _frame(1, text)[1:],
        )
    )
    headers = _HANDSHAKE if source.random() < 0.9 else {**_HANDSHAKE, "Sec-WebSocket-Key": "x"}
    return Hostile("piston: a socket", "GET", _CONNECT, frames, headers)


def _frame(kind: int, data: bytes) -> bytes:
    """Return a masked frame of a client (RFC 6455, 5.2). The mask is zero."""
    size = len(data)
    if size < 126:
        head = bytes((0x80 | kind, 0x80 | size))
    else:
        head = bytes((0x80 | kind, 0xFE)) + (size & 0xFFFF).to_bytes(2, "big")
    return head + b"\0\0\0\0" + data


_MAKERS = (_field, _text, _not_json, _form, _costly, _huge, _path, _key, _socket)
_WEIGHTS = (8, 2, 5, 3, 1, 1, 4, 2, 2)
