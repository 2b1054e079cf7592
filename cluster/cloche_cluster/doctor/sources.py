"""Check that the required package sources respond, each through the client that uses it.

The client's own configuration therefore applies: mirrors, proxies, certificates. Each source is
queried once, all in parallel.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.components.go import find_go
from cloche_cluster.doctor.findings import Finding, ok, problem
from cloche_cluster.errors import CommandError, LateError
from cloche_cluster.machine.apt_sources import MIRROR_VARIABLE, Source
from cloche_cluster.machine.command import run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cloche_cluster.components.pins import Pin

PATIENCE = 5
"""Seconds within which a source must respond."""
_SLOW_START = 5
"""Additional seconds for pip and npm, which need one or two to start."""
_OFFLINE_SECONDS = 60.0
_APT_HELPER = "/usr/lib/apt/apt-helper"
_INFORMATIVE = re.compile(
    r"refused|timed? ?out|resolv|no such host|unreachable|certificate|forbidden|\b[45]\d\d\b",
    re.IGNORECASE,
)
_PROXY = "set HTTPS_PROXY to a proxy"
_SHOWN = 160
"""Maximum characters of a client's message."""


@dataclass(frozen=True)
class Question:
    """A package source: its name, the command that queries it, and how to use another source.

    `{place}` in the command and its environment is replaced by an empty directory.
    """

    source: str
    argv: tuple[str, ...]
    other: str
    env: Mapping[str, str] = field(default_factory=dict)
    seconds: int = PATIENCE


def modules_are_there(pins: Iterable[Pin]) -> bool:
    """Return whether Go can build `pins` without fetching a module."""
    packages: defaultdict[Path, list[str]] = defaultdict(list)
    for pin in pins:
        packages[pin.source] += pin.tools
    try:
        for source, names in packages.items():
            run(
                [find_go(), "list", "-deps", "-f", "", *names],
                timeout=_OFFLINE_SECONDS,
                cwd=source,
                env={"GOPROXY": "off"},
            )
    except CommandError:
        return False
    return True


def go_modules(pin: Pin) -> Question:
    """Query Go's module source for a pinned version. An empty cache forces the request."""
    return Question(
        "Go modules",
        (find_go(), "list", "-m", f"{pin.component.module}@{pin.version}"),
        "set GOPROXY to another source",
        {"GOMODCACHE": "{place}/modules", "GOFLAGS": "-modcacherw", "GOSUMDB": "off"},
    )


def debian(archive: Source) -> Question:
    """Query an archive's InRelease file through apt."""
    return Question(
        f"Debian packages ({archive.suite})",
        (
            _APT_HELPER,
            f"-oAcquire::http::Timeout={PATIENCE}",
            f"-oAcquire::https::Timeout={PATIENCE}",
            "-oAcquire::Retries=0",
            "-oAPT::Sandbox::User=root",
            "download-file",
            f"{archive.address.rstrip('/')}/dists/{archive.suite}/InRelease",
            f"{{place}}/{archive.suite}",
        ),
        f"configure another mirror in apt (or {MIRROR_VARIABLE}, for the images only)",
    )


def python_packages(package: str, *, in_image: bool) -> Question:
    """Query a package's versions through pip; `in_image`: without the machine's configuration."""
    certificates = os.environ.get("PIP_CERT", "")
    isolated = ("--isolated", *(("--cert", certificates) if certificates else ()))
    return Question(
        "Python packages for the images" if in_image else "Python packages",
        (
            sys.executable,
            "-m",
            "pip",
            *(isolated if in_image else ()),
            "--disable-pip-version-check",
            f"--timeout={PATIENCE}",
            "--retries=0",
            "index",
            "versions",
            package,
        ),
        _PROXY if in_image else "configure another index-url in pip",
        seconds=PATIENCE + _SLOW_START,
    )


def npm_packages(package: str) -> Question | None:
    """Query a package's version through npm; None if this machine has no npm."""
    if shutil.which("npm") is None:
        return None
    return Question(
        "npm packages",
        ("npm", "view", package, "version", "--fetch-retries=0",
         f"--fetch-timeout={PATIENCE * 1000}", "--loglevel=error", "--logs-max=0"),
        _PROXY,
        seconds=PATIENCE + _SLOW_START,
    )  # fmt: skip


def can_ask(archive: Source) -> bool:
    """Return whether apt's helper can query this archive, which must be on HTTP."""
    return archive.address.startswith(("http://", "https://")) and Path(_APT_HELPER).exists()


def of_machine(archives: Iterable[Source], codename: str) -> list[Source]:
    """Return the archive of this machine's own distribution: the first with its suite."""
    return [one for one in archives if one.suite == codename][:1]


def ask_all(questions: Sequence[Question]) -> list[Finding]:
    """Query all sources in parallel, each once."""
    if not questions:
        return []
    try:
        with (
            tempfile.TemporaryDirectory(prefix="cloche-doctor-") as place,
            ThreadPoolExecutor(len(questions)) as pool,
        ):
            return list(pool.map(_ask, questions, repeat(Path(place))))
    except OSError as error:
        where = tempfile.gettempdir()
        return [problem("disk", f"cannot write to {where} ({error}): free some space")]


def _ask(question: Question, place: Path) -> Finding:
    def filled(word: str) -> str:
        return word.replace("{place}", str(place))

    try:
        run(
            [filled(word) for word in question.argv],
            timeout=question.seconds,
            cwd=place,
            env={name: filled(word) for name, word in question.env.items()},
        )
    except CommandError as error:
        return problem(
            question.source,
            f"they cannot be downloaded ({reason(error)}): check the network, or "
            f"{question.other}; then run `make up` again, which continues from here",
        )
    return ok(question.source, "the source responds")


def reason(error: CommandError) -> str:
    """Return the most informative line of a client's message."""
    if isinstance(error, LateError):
        return "no response in time"
    indented = [line.strip() for line in str(error).splitlines() if line.startswith("    ")]
    lines = indented or [str(error)]
    informative = next((line for line in lines if _INFORMATIVE.search(line)), lines[-1])
    return informative if len(informative) <= _SHOWN else f"{informative[:_SHOWN]}…"
