"""Lint passages with proselint, the rules in styles/ and a limit on the length of sentences."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prose.passage import Kind
from prose.revisions import of_file, whole
from prose.rules import of_proselint, own

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from proselint.registry.checks import Check

    from prose.passage import Passage

SENTENCE_WORDS = 35
"""Words of a sentence beyond which a warning is printed."""

_TEXTS = ("charts/cloche/values.yaml", "charts/cloche/templates/NOTES.txt")
_PRODUCT = re.compile(r"^(client|crds|gateway|operator|cluster|kube|runtimes)/")
"""Where strings are read by users: answers, log lines, conditions, OpenAPI and CRD texts."""
_CODE = re.compile(r"``.*?``|`[^`]*`|https?://\S+")
_LINK = re.compile(r"\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])")
_SENTENCE_END = re.compile(r"(?<=[.!?:;])[)\"']*\s+|\s\|\s")
_PROGRAMS = re.compile(r"^(tests/(attacks|languages)/programs|tests/e2e/failures/images)/")
"""Programs that run in Pods: data of the tests."""


@dataclass(frozen=True, order=True)
class Finding:
    """A passage that breaks a rule."""

    path: str
    line: int
    rule: str
    message: str
    warning: bool = False

    def __str__(self) -> str:
        """Return the finding as compilers print theirs."""
        kind = "warning" if self.warning else "error"
        return f"{self.path}:{self.line}: {kind}: {self.message} [{self.rule}]"


def is_linted(path: str) -> bool:
    """Return whether the prose of this file must follow the rules."""
    return path in _TEXTS or (path.endswith((".md", ".py")) and not _PROGRAMS.match(path))


def findings(texts: Mapping[str, str]) -> list[Finding]:
    """Return what breaks a rule in files, given by path, in order of path and line.

    The built-in rules apply to documentation and messages, the project's rules to docstrings and
    comments too. Strings are messages only in programs that are installed.
    """
    every, strict = own(), [*own(), *of_proselint()]
    found: list[Finding] = []
    for path, text in texts.items():
        passages = whole(path, text) if path.endswith(".txt") else of_file(path, text)
        messages = {Kind.MESSAGE} if _PRODUCT.match(path) else set()
        public = {Kind.PARAGRAPH, *messages}
        found += _checked([one for one in passages if one.kind in public], strict)
        private = {Kind.DOCSTRING, Kind.COMMENT}
        found += _checked([one for one in passages if one.kind in private], every)
        found += (one for passage in passages for one in _long(passage))
    return sorted(found)


def _checked(passages: Sequence[Passage], checks: Sequence[Check]) -> Iterator[Finding]:
    """Run checks on passages, which are joined so that each check runs once."""
    if not passages:
        return
    text, starts = "\n", list[int]()
    for passage in passages:
        starts.append(len(text))
        text += f"{_words(passage)}\n\n"
    for check in checks:
        for result in check.check_with_flags(text):
            passage = passages[max(bisect_right(starts, result.span[0] + 1) - 1, 0)]
            yield Finding(passage.path, passage.line, result.check_path, result.message)


def _words(passage: Passage) -> str:
    """Return a passage without code and link targets."""
    return _LINK.sub(r"\1", _CODE.sub("CODE", passage.text))


def _long(passage: Passage) -> Iterator[Finding]:
    if passage.kind is not Kind.PARAGRAPH:
        return
    for sentence in _SENTENCE_END.split(_words(passage)):
        if (words := len(sentence.split())) > SENTENCE_WORDS:
            begin = " ".join(sentence.split()[:6])
            message = f"'{begin} …' has {words} words: split it"
            yield Finding(
                passage.path, passage.line, "cloche.sentence_length", message, warning=True
            )
