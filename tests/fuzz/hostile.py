"""Deliberately invalid requests. Pure: the same seed gives the same requests."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

_KIB = 1024
WORDS = (
    *(
        "",
        " ",
        "\0",
        "a\0b",
        "../x",
        "/etc/passwd",
        "..\\x",
        "{{7*7}}",
        "${HOME}",
        "%00",
        "%2e%2e%2f",
    ),
    *(
        "\ud800",
        "\udfff",
        "🎈" * 100,
        "é" * 64,
        "A" * 63,
        "A" * 64,
        "A" * 5000,
        "-x",
        "x-",
        "=",
        "A=B",
    ),
    *(
        "null",
        "NaN",
        "1e999",
        "' OR 1=1 --",
        "<script>",
        "\r\nX-Evil: 1",
        "python",
        "PYTHON",
        "sql\n",
    ),
)
_NUMBERS = (-1, 0, 1, 300, 301, 1.5, -0.0, 1e308, 2**31, 2**63, 10**40, -(10**40))
_FIELDS = (
    *("code", "language", "stdin", "environment", "timeout", "session_id", "args", "files"),
    *("resources", "output_files", "unknown", ""),
)
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
_ROUTES = (
    *(
        "execute",
        "execute/async",
        "execute/batch",
        "execute/languages",
        "execute/health",
        "sessions",
        "sessions/sbs-x/files",
    ),
    *("executions", "warm-pool/status", "execute/warm-pool/status"),
)
_WITH_ID = (
    *("execute/status/{}", "execute/language/{}/info", "execute/session/{}", "executions/{}"),
    *("executions/{}/events", "sessions/{}", "sessions/{}/files", "sessions/sbs-x/files/{}"),
)
_PARAMETERS = (
    *("wait", "strict", "limit", "cursor", "status", "language", "session_id", "pattern", "x"),
)
_BODY_ROUTES = (*("execute", "execute/async", "execute/batch", "sessions", "sessions/sbs-x/files"),)


@dataclass(frozen=True)
class Hostile:
    """One request as bytes are sent, and what it is called."""

    kind: str
    method: str
    target: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    with_key: bool = True


def requests(seed: int, count: int) -> Iterator[Hostile]:
    """So many of them."""
    source = random.Random(seed)  # noqa: S311  to be repeated, not to be secret
    for _ in range(count):
        yield source.choices(_MAKERS, _WEIGHTS)[0](source)


def _field(source: random.Random) -> Hostile:
    """A request with one or more fields that are something else."""
    value = _valid(source)
    for _ in range(source.randint(1, 3)):
        value[source.choice(_FIELDS)] = anything(source, 3)
    return _post("a field", source, dump(value))


def _missing(source: random.Random) -> Hostile:
    value = _valid(source)
    del value[source.choice(("code", "language"))]
    return _post("a field is missing", source, dump(value))


def _twins(source: random.Random) -> Hostile:
    body = dump(_valid(source))
    return _post("a name twice", source, body[:-1] + b',"code":"print(1)"}')


def _not_json(source: random.Random) -> Hostile:
    whole = dump(_valid(source))
    body = source.choice(
        (
            whole[: source.randrange(len(whole))],
            bytes(source.randrange(256) for _ in range(source.randrange(200))),
            whole.replace(b'"code"', b"'code'"),
            b"\xff\xfe" + whole.decode().encode("utf-16-le"),
            b'{"code": NaN, "language": "python"}',
            b"[" * 10_000,
            b'{"a":' * 10_000,
            b"[" * 10_000 + b"]" * 10_000,
            b"9" * 10_000,
            b"",
            b" " * 1000,
            b"null",
            b'"text"',
        )
    )
    return _post("no JSON", source, body)


def _list(source: random.Random) -> Hostile:
    """A batch of anything, but never of programs alone, because those would be run."""
    items = [anything(source, 2) for _ in range(source.randrange(14))]
    return Hostile("a list", "POST", "/api/v1/execute/batch", dump(items), JSON)


def _large(source: random.Random) -> Hostile:
    value = _valid(source)
    size = source.choice((256, 257, 300, 512, 700, 701)) * _KIB
    value[source.choice(("code", "stdin"))] = source.choice(("x", "\0", "🎈")) * (
        size // source.choice((1, 4))
    )
    value["language"] = "none"
    return _post("a large field", source, dump(value))


def _costly(source: random.Random) -> Hostile:
    """A body that would become far more in memory than it is."""
    unit = source.choice(("{}", "[]", "0", '""', '{"a":0}', '{"%s":0}' % ("é" * 20), "1" * 500))
    whole = ",".join([unit] * (_KIB * source.choice((8, 256)) // len(unit)))
    field = source.choice(("files", "args", "environment", "unknown"))
    body = f'{{"code":"","language":"none","{field}":[{whole}]}}'
    names = "{" + ",".join(f'"{n:x}":0' for n in range(source.choice((500, 50_000)))) + "}"
    return _post("a costly body", source, source.choice((body, names)).encode())


def _huge(source: random.Random) -> Hostile:
    """10 MB that are said beforehand: refused before they are read."""
    route = f"/api/v1/{source.choice(_BODY_ROUTES)}"
    headers = JSON | {"Content-Length": "10000000"}
    return Hostile("a huge body", "POST", route, b'{"code":"' + b"x" * 1000, headers)


def _files(source: random.Random) -> Hostile:
    value = _valid(source)
    paths = ("../x", "/x", "a/../../x", ".", "", "a//b", "a/", "x" * 5000, "\0", "a\nb", "main.py")
    value["files"] = [
        {"path": source.choice(paths), source.choice(("content", "content_base64")): "!"}
        for _ in range(source.choice((1, 2, 65)))
    ]
    return _post("files", source, dump(value))


def _environment(source: random.Random) -> Hostile:
    value = _valid(source)
    value["environment"] = {
        source.choice(WORDS): source.choice(WORDS) for _ in range(source.choice((1, 129)))
    }
    value["language"] = "none"
    return _post("the environment", source, dump(value))


def _path(source: random.Random) -> Hostile:
    route = source.choice(_WITH_ID).format(quote(source.choice(WORDS).encode("utf-8", "replace")))
    if source.random() < 0.2:
        route = quote("".join(source.choices(string.printable, k=source.randrange(60))))
    return Hostile("a path", source.choice(_METHODS), f"/api/v1/{route}")


def _query(source: random.Random) -> Hostile:
    route = source.choice(("executions", "execute/languages", "execute/status/none"))
    query = "&".join(
        f"{source.choice(_PARAMETERS)}={quote(source.choice(WORDS).encode('utf-8', 'replace'))}"
        for _ in range(source.randint(1, 3))
    )
    return Hostile("a query", "GET", f"/api/v1/{route}?{query}")


def _method(source: random.Random) -> Hostile:
    return Hostile("a method", source.choice(_METHODS[3:]), f"/api/v1/{source.choice(_ROUTES)}")


def _header(source: random.Random) -> Hostile:
    name = source.choice(
        ("Idempotency-Key", "X-Request-ID", "Last-Event-ID", "Accept", "Content-Type")
    )
    value = source.choice(("", "\t", "x" * 300, "é", "1-2-3-4", "-1", "text/html", "9" * 4000))
    body = dump(_valid(source) | {"language": "none"})
    return Hostile("a header", "POST", "/api/v1/execute", body, JSON | {name: value})


def _key(source: random.Random) -> Hostile:
    name = source.choice(("X-API-Key", "Authorization", "X-Nothing"))
    value = source.choice(
        ("", "wrong", "Bearer", "Bearer ", "Bearer wrong", "Basic eDp5", "é" * 50)
    )
    target = f"/api/v1/{source.choice(_ROUTES)}"
    method = source.choice(("GET", "POST"))
    return Hostile("a key", method, target, headers={name: value}, with_key=False)


def _valid(source: random.Random) -> dict[str, Any]:
    """A request that nothing is wrong with; it is not to be sent as it is."""
    return {
        "code": source.choice(("print(1)", "import os", "(")),
        "language": source.choice(("python", "bash")),
        "timeout": source.choice((1, 2)),
    }


def anything(source: random.Random, depth: int) -> Any:
    kinds: tuple[Callable[[], Any], ...] = (
        lambda: source.choice(WORDS),
        lambda: source.choice(_NUMBERS),
        lambda: source.choice((None, True, False)),
        lambda: [anything(source, depth - 1) for _ in range(source.randrange(4))],
        lambda: {
            source.choice(WORDS): anything(source, depth - 1) for _ in range(source.randrange(4))
        },
    )
    return source.choice(kinds if depth else kinds[:3])()


def dump(value: Any) -> bytes:
    return json.dumps(value).encode()


def _post(kind: str, source: random.Random, body: bytes) -> Hostile:
    route = source.choice(("execute", "execute", "execute/async", "sessions"))
    return Hostile(kind, "POST", f"/api/v1/{route}", body, JSON)


JSON = {"Content-Type": "application/json"}
_MAKERS = (
    *(_field, _missing, _twins, _not_json, _list, _large, _costly, _huge),
    *(_files, _environment, _path, _query, _method, _header, _key),
)
_WEIGHTS = (6, 1, 1, 6, 3, 1, 1, 1, 3, 2, 5, 4, 2, 3, 3)
