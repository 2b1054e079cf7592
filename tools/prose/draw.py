"""Draw passages of a revision at random, and find what became of each."""

from __future__ import annotations

import random
import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from prose.passage import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prose.passage import Passage

_LEAST_WORDS = 8
"""Shorter passages are headings, labels and linter directives."""
_ALIKE = 0.35
"""Ratio of SequenceMatcher from which a passage counts as the new form of another."""
_CANDIDATES = 12
"""Passages with the most words in common, which are compared in full."""
_WORD = re.compile(r"\w+")
_SAMPLED = frozenset({Kind.PARAGRAPH, Kind.DOCSTRING, Kind.COMMENT})


def draw(before: Sequence[Passage], number: int, seed: int) -> list[Passage]:
    """Return `number` different passages; the same ones for the same revision and seed."""
    eligible = [one for one in before if one.kind in _SAMPLED and one.words >= _LEAST_WORDS]
    chosen = random.Random(seed).sample(eligible, number)  # noqa: S311  not for security
    return sorted(chosen, key=lambda passage: (passage.path, passage.line))


def successor(
    passage: Passage, after: Sequence[Passage], moved: Mapping[str, str]
) -> Passage | None:
    """Return what became of a passage, or None if nothing is similar.

    The docstring of the same function or class in the same (or renamed) file is taken first, then
    the most similar passage of that file, then of the whole repository.
    """
    path = moved.get(passage.path, passage.path)
    here = [one for one in after if one.path == path and one.kind is not Kind.MESSAGE]
    if passage.kind is Kind.DOCSTRING:
        for one in here:
            if one.kind is Kind.DOCSTRING and one.owner == passage.owner:
                return one
    everywhere = [one for one in after if one.kind is passage.kind]
    return _most_similar(passage, here) or _most_similar(passage, everywhere)


def _most_similar(passage: Passage, among: Sequence[Passage]) -> Passage | None:
    words = _words(passage)
    likely = sorted(among, key=lambda one: -_shared(words, _words(one)))[:_CANDIDATES]
    scored = [(_ratio(passage.text, one.text), number) for number, one in enumerate(likely)]
    best, number = max(scored, default=(0.0, 0))
    return likely[number] if best >= _ALIKE else None


def _words(passage: Passage) -> frozenset[str]:
    return frozenset(_WORD.findall(passage.text.lower()))


def _shared(some: frozenset[str], others: frozenset[str]) -> float:
    return len(some & others) / (len(some | others) or 1)


def _ratio(some: str, other: str) -> float:
    return SequenceMatcher(None, some, other, autojunk=False).ratio()


def report(pairs: Sequence[tuple[Passage, Passage | None]]) -> str:
    """Return the passages as Markdown, each before and after."""
    parts = []
    for number, (old, new) in enumerate(pairs, 1):
        where = f"`{old.path}:{old.line}` ({old.kind})"
        if new is None:
            now = "removed, or nothing is similar"
        elif new.text == old.text:
            now = f"unchanged, `{new.path}:{new.line}`"
        else:
            now = f"`{new.path}:{new.line}`\n\n> {new.text}"
        parts.append(f"{number}. Before: {where}\n\n> {old.text}\n\nAfter: {now}\n")
    return "\n".join(parts)
