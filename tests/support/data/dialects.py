"""The routes of the dialects that take a body, with a small valid request of each.

Tests of what all dialects share take their parameters from here. A dialect whose routers are not in
`ROUTERS` yet is left out.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from cloche_gateway.dialects import ROUTERS
from cloche_gateway.settings import DialectName

_JOBE = "/jobe/index.php/restapi"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class DialectRoute:
    """A route with a body."""

    dialect: DialectName
    method: str
    path: str
    body: dict[str, Any]
    """A valid request: a program that prints 1 and a line break, if the route runs one."""
    denied: int = 401
    """The status code without a key."""
    runs: bool = True
    """Whether the route runs a program."""
    code: tuple[str, ...] = field(default=())
    """Where the program's text is in the body."""

    def __str__(self) -> str:
        return f"{self.dialect}-{self.method}-{self.path.rpartition('/')[2]}"


_EVERY = (
    DialectRoute(
        DialectName.MCP,
        "POST",
        "/mcp",
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {
                "name": "execute_code",
                "arguments": {"code": "print(1)", "language": "python"},
            },
        },
        code=("params", "arguments", "code"),
    ),
    DialectRoute(
        DialectName.PISTON,
        "POST",
        "/api/v2/execute",
        {"language": "python", "version": "*", "files": [{"content": "print(1)"}]},
        code=("files", "0", "content"),
    ),
    DialectRoute(
        DialectName.DIFY,
        "POST",
        "/v1/sandbox/run",
        {"language": "python3", "code": "print(1)", "preload": "", "enable_network": True},
        code=("code",),
    ),
    DialectRoute(
        DialectName.SANDBOX_FUSION,
        "POST",
        "/run_code",
        {"language": "python", "code": "print(1)", "files": {}, "fetch_files": []},
        code=("code",),
    ),
    DialectRoute(
        DialectName.JUDGE0,
        "POST",
        "/submissions",
        {"language_id": 71, "source_code": "print(1)"},
        code=("source_code",),
    ),
    DialectRoute(
        DialectName.JUDGE0,
        "POST",
        "/submissions/batch",
        {"submissions": [{"language_id": 71, "source_code": "print(1)"}]},
        code=("submissions", "0", "source_code"),
    ),
    DialectRoute(
        DialectName.JOBE,
        "POST",
        f"{_JOBE}/runs",
        {"run_spec": {"language_id": "python3", "sourcecode": "print(1)", "input": ""}},
        denied=403,
        code=("run_spec", "sourcecode"),
    ),
    DialectRoute(
        DialectName.JOBE,
        "PUT",
        f"{_JOBE}/files/0123456789abcdef",
        {"file_contents": base64.b64encode(b"text\n").decode()},
        denied=403,
        runs=False,
        code=("file_contents",),
    ),
)

ROUTES = tuple(one for one in _EVERY if ROUTERS[one.dialect])
"""Those of the dialects that are served."""
RUNS = tuple(one for one in ROUTES if one.runs)
"""Those that run a program."""

READS: dict[DialectName, tuple[str, ...]] = {
    DialectName.MCP: (),
    DialectName.PISTON: ("/api/v2/runtimes", "/api/v2/packages"),
    DialectName.DIFY: ("/v1/sandbox/dependencies",),
    DialectName.SANDBOX_FUSION: ("/v1/ping",),
    DialectName.JUDGE0: ("/languages", "/statuses", "/about", "/submissions/{}"),
    DialectName.JOBE: (f"{_JOBE}/languages", f"{_JOBE}/files/{{}}"),
}
"""Paths for GET; `{}` means anything."""


def changed(route: DialectRoute, value: Any) -> dict[str, Any]:
    """Return the route's request with another value for the program's text."""
    made: dict[str, Any] = _changed(route.body, route.code, value)
    return made


def _changed(whole: Any, path: tuple[str, ...], value: Any) -> Any:
    if not path:
        return value
    if isinstance(whole, list):
        index = int(path[0])
        return [
            _changed(one, path[1:], value) if index == place else one
            for place, one in enumerate(whole)
        ]
    return {**whole, path[0]: _changed(whole[path[0]], path[1:], value)}
