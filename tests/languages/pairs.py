"""Programs that run twice: started as usual, and in a process that waited for them.

`fidelity/LANGUAGE/*.yaml` has the programs of a language, and
`fidelity/LANGUAGE-PROCESS+PROCESS/*.yaml` those of processes that are not enabled by default.
`differs` has the fields of the answer that are not the same, each with both values. `fits: false`
marks a program for which no process is used.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FIDELITY = Path(__file__).parent / "fidelity"
PLAIN, WAITING = "plain", "waiting"
_COMMON: dict[str, Any] = {
    "args": ["a", "b c", "é"],
    "environment": {"FOO": "bar=é", "SECOND": "two", "MULTI": "a\nb"},
    "timeout": 30,
}
"""What a request has unless its program has something else. Variables are added."""
_OF_THE_TEST = {"name", "differs", "fits", "code_length", "stdin_length"}
_NOISE = tuple(
    re.compile(pattern)
    for pattern in (
        r"0x[0-9a-f]{6,16}",  # addresses
        r"(?<=\(node:)\d+",  # process IDs
        r"(?<=sandbox)4\d{4}",  # the user of the Pod
        r"(?<=\bstarted )\d+",  # thread IDs of Python
        r"\d+(?=[:;]? \[BUG\])",
        r"(?<=\bin )\d\.\d+(?=s)",  # times
        r"(?<=duration_ms )[\d.]+|(?<=duration_ms: )[\d.]+",
        r"(?<=Finished in )[\d.]+|[\d.]+(?= (?:runs|assertions)/s)",
    )
)
"""What differs between two runs of a program in any case."""


@dataclass(frozen=True)
class Pair:
    """A program of a room, and which fields of its answer differ.

    A room is a folder of `fidelity`: a language, or a language and processes.
    """

    room: str
    name: str
    request: dict[str, Any]
    differs: dict[str, dict[str, Any]]
    fits: bool

    def __str__(self) -> str:
        return f"{self.room}-{self.name}"

    def __hash__(self) -> int:
        return hash(str(self))


def pairs_of(room: str) -> list[Pair]:
    """Return the programs of a room."""
    return [
        Pair(room, item["name"], _request(item), item.get("differs", {}), item.get("fits", True))
        for path in sorted((FIDELITY / room).glob("*.yaml"))
        for item in yaml.safe_load(path.read_text(encoding="utf-8"))
    ]


def rooms() -> list[str]:
    """Return the rooms."""
    return sorted(path.name for path in FIDELITY.iterdir())


def visible(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an answer by which a caller could see how the program was started."""
    names = ("stdout", "stderr", "exit_code", "reason", "detail", "files", "stdout_truncated")
    found = {name: answer[name] for name in names if name in answer}
    return {
        name: _quiet(value) if name in {"stdout", "stderr"} else value
        for name, value in found.items()
    }


def _quiet(text: str) -> str:
    for pattern in _NOISE:
        text = pattern.sub("…", text)
    return text


def _request(item: dict[str, Any]) -> dict[str, Any]:
    own = {name: value for name, value in item.items() if name not in _OF_THE_TEST}
    found = {**_COMMON, **own}
    found["code"] = found["code"].ljust(item.get("code_length", 0), "\n")
    found["environment"] = _COMMON["environment"] | own.get("environment", {})
    found["files"] = [_file(path, content) for path, content in item.get("files", {}).items()]
    if "stdin_length" in item:
        found["stdin"] = "x" * item["stdin_length"]
    return found


def _file(path: str, content: str | bytes) -> dict[str, str]:
    if isinstance(content, bytes):
        return {"path": path, "content_base64": base64.b64encode(content).decode()}
    return {"path": path, "content": content}
