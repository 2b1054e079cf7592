"""Passages of Markdown: paragraphs, list items and table rows outside of code blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prose.passage import Kind, Passage

if TYPE_CHECKING:
    from collections.abc import Iterator

_FENCE = re.compile(r"^\s*(```|~~~)")
_HEADING = re.compile(r"^#{1,6} +(.+?)\s*#*$")
_BEGINS = re.compile(r"^\s*([-*+] |\d+\. |\||> )")
"""Lines that begin a passage without an empty line before them."""
_RULE = re.compile(r"^[\s|:-]*$")


@dataclass
class _Collected:
    path: str
    heading: str = ""
    first: int = 0
    lines: list[str] = field(default_factory=list)

    def end(self) -> Iterator[Passage]:
        """Return the passage that ends here, if there is one."""
        if self.lines:
            yield Passage(self.path, self.first, Kind.PARAGRAPH, self.heading, tuple(self.lines))
        self.lines = []


def paragraphs(path: str, source: str) -> Iterator[Passage]:
    """Return the passages of a Markdown file, in order."""
    collected, fenced = _Collected(path), False
    for number, line in enumerate(source.splitlines(), 1):
        if _FENCE.match(line):
            fenced = not fenced
        heading = None if fenced else _HEADING.match(line)
        if fenced or heading or _FENCE.match(line) or _RULE.match(line):
            yield from collected.end()
            if heading:
                collected.heading = heading[1]
            continue
        if _BEGINS.match(line):
            yield from collected.end()
        if not collected.lines:
            collected.first = number
        collected.lines.append(line.strip())
    yield from collected.end()
