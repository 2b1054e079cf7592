"""An attack program and its header comment:

    # Tries: a sentence
    # Gets: an exact line of its standard output; alternatives are written as `one or other`
    # Ends: Exited 0, Signaled 31, OutOfMemory, DeadlineExceeded … (default: Exited 0)
    # Bytes: how many bytes of output are kept, instead of Gets
    # Limits: timeoutSeconds=2 memory=64Mi … in place of the suite's own
    # Collects: a pattern of output files, none of which may be returned
    # Held by: the filter, if nothing else prevents it
    # Depends on: user namespaces, if a Pod without one may give another result

Output is compared in Python's notation, so that a comment can contain control characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[1] / "programs"
LANGUAGES = {".py": "python", ".cpp": "cpp", ".sh": "bash"}
KINDS = ("network", "localhost", "files", "processes", "resources", "protocol", "kubernetes")
SHARING = ("network", "localhost", "files", "kubernetes")
"""Kinds that probe for access and leave their Pod unchanged. The others try to break or exhaust
their Pod."""
OPEN = ("network", "localhost", "kubernetes")
"""Kinds whose result differs if the network is open."""
_LINE = re.compile(r"(?:#|//) (Tries|Gets|Ends|Bytes|Limits|Collects|Held by|Depends on): (.*)")
_RESOURCES = ("cpu", "memory", "disk")
_TENANT = "attacks"


@dataclass(frozen=True)
class Program:
    """An attack."""

    path: Path
    tries: str
    gets: tuple[str, ...]
    ends: str
    bytes: int | None
    limits: dict[str, str]
    collects: str | None
    held_by: str | None
    depends_on: str | None

    @property
    def kind(self) -> str:
        """The kind of attack, which is the name of its folder."""
        return self.path.parent.name

    @property
    def shares_pods(self) -> bool:
        """Whether it may share a Pod with other attacks, one after the other."""
        return self.kind in SHARING

    @property
    def differs_in_open_network(self) -> bool:
        """Whether its result may differ without network policies and user namespaces."""
        return self.kind in OPEN or self.depends_on == "user namespaces"

    @property
    def name(self) -> str:
        """Its kind and file name, such as network/tcp.py."""
        return str(self.path.relative_to(HERE))

    @property
    def language(self) -> str:
        """The language's name."""
        return LANGUAGES[self.path.suffix]

    def spec(self, environment: dict[str, str]) -> dict[str, Any]:
        """Return the execution's spec without its language.

        It has a tenant, because only executions with a tenant can share a Pod.
        """
        resources = {name: self.limits[name] for name in _RESOURCES if name in self.limits}
        return {
            "code": self.path.read_text(encoding="utf-8"),
            "timeoutSeconds": int(self.limits.get("timeoutSeconds", 20)),
            "environment": environment,
            "files": _library(self.language),
            **({"tenant": _TENANT} if self.shares_pods else {}),
            **({"resources": resources} if resources else {}),
            **({"outputFiles": [self.collects]} if self.collects else {}),
        }

    def faults(self, status: dict[str, Any], *, hurried: bool = False) -> list[str]:
        """Return the unexpected properties of an execution's status.

        `hurried` means that it got little CPU time, so that it may have less output.
        """
        found = []
        if (ended := _ended(status)) not in self.ends.split(" or "):
            message = status.get("message") or status.get("stderr", "")
            found.append(f"ends {ended}, must {self.ends}: {message[-500:]}")
        stdout = status.get("stdout", "")
        if self.bytes is not None:
            size = len(stdout.encode())
            if size > self.bytes or (size < self.bytes and not hurried):
                found.append(f"{size} bytes, must be {self.bytes}")
        elif not _fits(lines := _spelled(stdout), self.gets):
            found.append(f"gets {lines}, must {list(self.gets)}")
        if self.collects and status.get("files"):
            found.append(f"files come back: {[file['path'] for file in status['files']]}")
        return found


def parse(path: Path) -> Program:
    """Read a program and its header."""
    headers: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := _LINE.fullmatch(line):
            headers.setdefault(match[1], []).append(match[2])
    (tries,) = headers["Tries"]
    if not headers.keys() & {"Gets", "Bytes", "Ends"}:
        raise ValueError(f"{path}: says not what it must get")
    (ends,) = headers.get("Ends", ["Exited 0"])
    (bytes_,) = headers.get("Bytes", [None])
    (collects,) = headers.get("Collects", [None])
    (held_by,) = headers.get("Held by", [None])
    (depends_on,) = headers.get("Depends on", [None])
    limits = dict(item.split("=") for line in headers.get("Limits", []) for item in line.split())
    size = None if bytes_ is None else int(bytes_)
    return Program(
        path,
        tries,
        tuple(headers.get("Gets", ())),
        ends,
        size,
        limits,
        collects,
        held_by,
        depends_on,
    )


def programs(*kinds: str) -> list[Program]:
    """Return all programs of these kinds; without arguments, all programs."""
    paths = (path for kind in kinds or KINDS for path in sorted((HERE / kind).iterdir()))
    return [parse(path) for path in paths if path.suffix in LANGUAGES]


def _library(language: str) -> list[dict[str, str]]:
    suffixes = {"python": ".py", "cpp": ".h"}
    return [
        {"path": path.name, "content": path.read_text(encoding="utf-8")}
        for path in sorted((HERE / "lib").iterdir())
        if path.suffix == suffixes.get(language)
    ]


def _ended(status: dict[str, Any]) -> str:
    reason: str = status.get("reason", "")
    if reason == "Exited":
        return f"Exited {status['exitCode']}"
    if reason == "Signaled":
        return f"Signaled {status['signal']}"
    return reason


def _spelled(text: str) -> list[str]:
    lines = text.split("\n")
    return [
        line.encode("unicode_escape").decode() for line in lines[: len(lines) - (not lines[-1])]
    ]


def _fits(lines: list[str], gets: tuple[str, ...]) -> bool:
    pairs = zip(lines, gets, strict=False)
    return len(lines) == len(gets) and all(line in get.split(" or ") for line, get in pairs)
