"""Versions, and the selectors by which clients of Piston choose one.

Selectors are those of npm's semver: `3.10.0`, `3.x`, `^3.10`, `>=2 <4`, `1 - 3`, `16 || 18`, `*`.
Source: https://github.com/npm/node-semver#ranges. Prereleases are only compared, because no
installed version is one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Version = tuple[int, int, int]
_Bound = tuple[int, int, int, int]
"""A version, and 0 for a prerelease, 1 for the release, 2 for what comes after it."""

_SELECTOR_CHARACTERS = 256  # as npm's
_NUMBER = r"(?:0|[1-9][0-9]{0,15})"
_PART = rf"(?:[xX*]|{_NUMBER})"
_PARTIAL = rf"[v=]?({_PART})(?:\.({_PART})(?:\.({_PART})(-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)?)?"
_COMPARATOR = re.compile(rf"(>=|<=|>|<|=|\^|~>|~)?{_PARTIAL}")
_HYPHEN = re.compile(rf"{_PARTIAL}\s+-\s+{_PARTIAL}")
_AFTER_OPERATOR = re.compile(r"(?<=[<>=^~])\s+")
_LEAST: _Bound = (0, 0, 0, 0)
_MOST: _Bound = (10**17, 0, 0, 0)
_ALL = (_LEAST, _MOST)
_NONE = (_LEAST, _LEAST)
_PARTS = 3


def version_of(text: str | None) -> Version:
    """Return the version that a runtime displays, with zeros for what it does not tell.

    `3.13` is 3.13.0. Of several numbers, the first with a dot counts: `7 (Mono 6.12)` is 6.12.0.
    """
    found = re.search(rf"{_NUMBER}(?:\.{_NUMBER})+", text or "") or re.search(_NUMBER, text or "")
    numbers = [int(part) for part in found.group().split(".")[:_PARTS]] if found else []
    major, minor, patch = (*numbers, 0, 0, 0)[:_PARTS]
    return major, minor, patch


def satisfies(version: Version, selector: str) -> bool:
    """Return whether a version fits a selector. None fits one that is not valid."""
    if len(selector) > _SELECTOR_CHARACTERS:
        return False
    point = (*version, 1)
    sets = [_intervals(part.strip()) for part in selector.split("||")]
    if None in sets:
        return False
    return any(all(low <= point < high for low, high in one) for one in sets if one is not None)


def _intervals(text: str) -> Sequence[tuple[_Bound, _Bound]] | None:
    """Return the intervals in all of which a version must be, or None if the text is not valid."""
    if found := _HYPHEN.fullmatch(text):
        parts = found.groups()
        half = len(parts) // 2
        return (_interval(">=", parts[:half]), _interval("<=", parts[half:]))
    intervals = []
    for word in _AFTER_OPERATOR.sub("", text).split():
        found = _COMPARATOR.fullmatch(word)
        if found is None:
            return None
        operator, *parts_of_it = found.groups()
        intervals.append(_interval(operator or "=", parts_of_it))
    return intervals


def _interval(operator: str, parts: Sequence[str | None]) -> tuple[_Bound, _Bound]:
    """Return the lowest version and the one after the highest that fit a comparator."""
    numbers = _numbers(parts[:_PARTS])
    if not numbers:
        return _NONE if operator in ("<", ">") else _ALL
    release = 0 if parts[_PARTS] and len(numbers) == _PARTS else 1
    first = _bound(numbers, release)
    whole = len(numbers) == _PARTS
    after = _bound(numbers, release + 1) if whole else _next(numbers, len(numbers) - 1)
    if operator in ("<", "<="):
        return _LEAST, first if operator == "<" else after
    if operator in (">", ">="):
        return after if operator == ">" else first, _MOST
    if operator == "=":
        return first, after
    if operator == "^":
        return first, _next(numbers, _first_that_counts(numbers))
    return first, _next(numbers, min(1, len(numbers) - 1))


def _numbers(parts: Iterable[str | None]) -> list[int]:
    """Return the numbers before the first wildcard."""
    numbers = []
    for part in parts:
        if part is None or not part.isdigit():
            break
        numbers.append(int(part))
    return numbers


def _first_that_counts(numbers: Sequence[int]) -> int:
    """Return the place of the first number that is not 0, or else of the last one."""
    return next((place for place, one in enumerate(numbers) if one), len(numbers) - 1)


def _bound(numbers: Sequence[int], release: int) -> _Bound:
    major, minor, patch = (*numbers, 0, 0, 0)[:_PARTS]
    return major, minor, patch, release


def _next(numbers: Sequence[int], place: int) -> _Bound:
    """Return the lowest version in which the number at this place is higher."""
    return _bound([*numbers[:place], numbers[place] + 1], 0)
