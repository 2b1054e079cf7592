"""Programs that one tenant runs repeatedly, to attack the operators."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from siege.attackers import EXECUTE, post

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

    from siege.attackers import Target

_ASYNC = f"{EXECUTE}/async"
_WIDE = "\U0001f600"
"""One character beyond U+FFFF makes Python use four bytes for each character of the text."""
_LARGE = {
    "language": "python",
    "timeout": 60,
    "code": f"import time; time.sleep(40) #{_WIDE}{'a' * 250_000}",
    "stdin": _WIDE + "b" * 250_000,
    "files": [{"path": "f", "content": _WIDE + "c" * 160_000}],
}
_NAMES = {
    "language": "python",
    "output_files": ["**"],
    "code": """
import os
d = os.open(".", 0)
name = "\\x01" * 255
for _ in range(32):
    os.mkdir(name, dir_fd=d)
    d = os.open(name, os.O_RDONLY, dir_fd=d)
for n in range(1024):
    os.close(os.open("\\x01" * 250 + f"{n:05d}", os.O_CREAT | os.O_WRONLY, dir_fd=d))
""",
}
"""Output files with names of the maximum length, depth and number of escapes, without content."""
_LONG = {"language": "python", "code": "import time; time.sleep(300)", "timeout": 300}


@dataclass(frozen=True)
class _Clients:
    """Clients that each send one body again and again. The bodies are assigned in turn."""

    count: int
    bodies: tuple[tuple[str, Mapping[str, object]], ...]
    """Each with its path."""

    component: ClassVar = "operator"

    async def tasks(self, target: Target) -> list[asyncio.Task[NoReturn]]:
        """Start all clients."""
        sent = [(path, json.dumps(body, ensure_ascii=False).encode()) for path, body in self.bodies]
        return [
            asyncio.create_task(post(target, body, path))
            for path, body in (sent[n % len(sent)] for n in range(self.count))
        ]


INPUTS = _Clients(
    100,
    (
        (EXECUTE, _LARGE),
        (EXECUTE, {**_LARGE, "session_id": "siege"}),
        (EXECUTE, _LARGE),
        (EXECUTE, {**_LARGE, "session_id": "siege"}),
        (_ASYNC, _LARGE),
    ),
)
"""Inputs of the maximum size that all wait: for room, for a session's turn, or in asynchronous
requests."""
NAMES = _Clients(20, ((EXECUTE, _NAMES),))
"""Results whose size comes from the names of their files."""
LONG = _Clients(60, ((EXECUTE, _LONG),))
"""The maximum number of long programs of one tenant."""
