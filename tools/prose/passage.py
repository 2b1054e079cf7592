"""A passage: the unit in which prose is counted, drawn and linted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_SPACE = re.compile(r"\s+")


class Kind(StrEnum):
    """Where a passage is from."""

    PARAGRAPH = "paragraph"
    DOCSTRING = "docstring"
    COMMENT = "comment"
    MESSAGE = "message"
    """A string of a Python program that contains a sentence: an error, a log line, a summary."""


@dataclass(frozen=True)
class Passage:
    """Lines of prose that belong together, without markers such as `#` or quotes."""

    path: str
    line: int
    """The first line of the text in the file, counted from 1."""
    kind: Kind
    owner: str
    """The heading above, or the qualified name of the module, class, function or constant."""
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The text on one line."""
        return _SPACE.sub(" ", " ".join(self.lines)).strip()

    @property
    def words(self) -> int:
        """The number of words."""
        return len(self.text.split())
