"""The repository's Markdown pages: code blocks, headings and links."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from support.data.names import ROOT

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)$")
_HEADING = re.compile(r"^(#{1,6}) +(.+?)\s*$")
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\((?P<target>[^()\s]+)\)")
_REFERENCE = re.compile(r"^\[[^\]]+\]: +(?P<target>\S+)$", re.MULTILINE)
_CODE = re.compile(r"`[^`]*`")
_CELL_BORDER = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Block:
    """A code block, the heading above it, and its number under that heading, from 1."""

    page: str
    heading: str
    number: int
    language: str
    text: str

    @property
    def id(self) -> str:
        """The name of a test's parameter."""
        return f"{self.heading} {self.number}"


@dataclass(frozen=True)
class Link:
    """A link of a page, with its line."""

    page: str
    line: int
    target: str


def pages() -> list[str]:
    """Return the paths of all Markdown pages that git tracks."""
    return tracked("*.md")


def tracked(*patterns: str) -> list[str]:
    """Return the paths of the files that git tracks."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", *patterns],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return sorted(name for name in listed.split("\0") if name and (ROOT / name).is_file())


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str) -> list[Block]:
    """Return the code blocks of a page, in order."""
    found: list[Block] = []
    heading, language, lines = "", None, list[str]()
    for line in text_of(page).splitlines():
        if fence := _FENCE.match(line):
            if language is None:
                language, lines = fence["language"], []
                continue
            number = 1 + sum(one.heading == heading for one in found)
            found.append(Block(page, heading, number, language, "\n".join(lines) + "\n"))
            language = None
        elif language is not None:
            lines.append(line)
        elif title := _HEADING.match(line):
            heading = title[2]
    return found


def section(page: str, heading: str) -> str:
    """Return the text below a heading (`## Reasons`), up to the next one of its level or above."""
    level = len(heading) - len(heading.lstrip("#"))
    _, found, rest = text_of(page).partition(f"\n{heading}\n")
    assert found, f"{page} has no heading {heading!r}"
    return re.split(rf"^#{{1,{level}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def tables(text: str) -> list[list[list[str]]]:
    """Return the tables of a section: for each of them the cells of its rows, without the head."""
    found: list[list[list[str]]] = []
    inside = False
    for line in text.splitlines():
        if line.startswith("|---"):
            found.append([])
            inside = True
        elif inside and line.startswith("|"):
            found[-1].append([cell.strip() for cell in _CELL_BORDER.split(line)[1:-1]])
        else:
            inside = False
    return found


def anchors(page: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub derives them."""
    found: dict[str, int] = {}
    for _, line in _prose(page):
        if title := _HEADING.match(line):
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title[2])
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            found[slug] = found.get(slug, 0) + 1
    repeated = {f"{slug}-{n}" for slug, times in found.items() for n in range(1, times)}
    return set(found) | repeated


def links(page: str) -> list[Link]:
    """Return the links of a page outside of code. The text of a link may be on several lines."""
    lines = dict(_prose(page))
    last = max(lines, default=0)
    text = "\n".join(_CODE.sub("``", lines.get(number, "")) for number in range(1, last + 1))
    targets = [(found.start(), found["target"]) for found in _LINK.finditer(text)]
    targets += [(found.start(), found["target"]) for found in _REFERENCE.finditer(text)]
    return [Link(page, text.count("\n", 0, at) + 1, target) for at, target in targets]


def _prose(page: str) -> Iterator[tuple[int, str]]:
    """Return the lines outside of code blocks, with their numbers."""
    fenced = False
    for number, line in enumerate(text_of(page).splitlines(), 1):
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            yield number, line
