"""The findings of the checks, and how they are printed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cloche_cluster.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterable


class Level(StrEnum):
    """The severity of a finding. Only a problem prevents `make up`."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """The result of one check: its subject in a word or two, and one line of text.

    The text of a warning or a problem states what is wrong, what is required, and what to do.
    """

    level: Level
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.text}"


@dataclass(frozen=True)
class Section:
    """Findings about one part of the machine."""

    title: str
    findings: tuple[Finding, ...]


def ok(subject: str, text: str) -> Finding:
    """Return the finding that a check passed."""
    return Finding(Level.OK, subject, text)


def warning(subject: str, text: str) -> Finding:
    """Return a finding that reduces what the installation can do, without preventing it."""
    return Finding(Level.WARNING, subject, text)


def problem(subject: str, text: str) -> Finding:
    """Return a finding that must be fixed first."""
    return Finding(Level.PROBLEM, subject, text)


def table(sections: Iterable[Section]) -> list[str]:
    """Return a line for each section's title, followed by a line for each of its findings."""
    lines = []
    for section in sections:
        lines.append(f"{section.title}:")
        lines += [f"  {one.level:8} {one}" for one in section.findings]
    return lines


def problems(sections: Iterable[Section]) -> list[Finding]:
    """Return the problems among all findings."""
    every = (one for section in sections for one in section.findings)
    return [one for one in every if one.level is Level.PROBLEM]


def require_no_problem(sections: Iterable[Section]) -> None:
    """Raise ClusterError with a line for each problem, if there are any."""
    found = problems(sections)
    if len(found) == 1:
        raise ClusterError(str(found[0]))
    if found:
        lines = "".join(f"\n    {one}" for one in found)
        raise ClusterError(f"{len(found)} problems must be fixed first:{lines}")
