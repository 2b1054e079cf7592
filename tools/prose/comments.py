"""Passages of other files: their comments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from prose.passage import Kind, Passage

if TYPE_CHECKING:
    from collections.abc import Iterator

_HASH = re.compile(r"(?:^|\s)#+(?:\s|$)(?P<text>.*)$")
_SLASHES = re.compile(r"(?:^|\s)(?://+|/\*+|\*(?=\s)|\{\{-? ?/\*)(?:\s|$)(?P<text>.*?)(?:\*/.*)?$")
_DASHES = re.compile(r"(?:^|\s)--(?:\s|$)(?P<text>.*)$")
_MARKS = {
    **dict.fromkeys(("yaml", "yml", "toml", "sh", "bash", "rb", "py", "conf", "tpl"), _HASH),
    **dict.fromkeys(
        ("c", "go", "js", "ts", "java", "rs", "cpp", "cc", "cs", "php", "pml"), _SLASHES
    ),
    **dict.fromkeys(("sql", "lua"), _DASHES),
}
_NAMES = {"Makefile": _HASH, "Dockerfile": _HASH, "run": _HASH, ".gitignore": _HASH}


def comments(path: str, source: str) -> Iterator[Passage]:
    """Return the comments of a file, by the marker of its type; nothing for an unknown type."""
    name = path.rsplit("/", 1)[-1]
    mark = _NAMES.get(name) or _MARKS.get(name.rsplit(".", 1)[-1])
    if mark is None:
        return
    block: list[str] = []
    first = column = 0
    for number, line in enumerate(source.splitlines(), 1):
        found = mark.search(line)
        text = found["text"].strip() if found else ""
        if found and block and number == first + len(block) and found.start("text") == column:
            block.append(text)
            continue
        if any(block):
            yield Passage(path, first, Kind.COMMENT, "", tuple(block))
        block, first = [], number
        if found:
            block, column = [text], found.start("text")
    if any(block):
        yield Passage(path, first, Kind.COMMENT, "", tuple(block))
