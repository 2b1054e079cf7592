"""Selectors of versions, as npm's semver reads them."""

from __future__ import annotations

import pytest

from cloche_gateway.dialects.piston.semver import satisfies, version_of


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("3.13", (3, 13, 0)),
        ("21", (21, 0, 0)),
        ("7 (Mono 6.12)", (6, 12, 0)),
        ("1.2.3.4", (1, 2, 3)),
        ("v20.19.0-lts", (20, 19, 0)),
        ("unknown", (0, 0, 0)),
        (None, (0, 0, 0)),
    ],
)
def test_a_version_has_three_numbers(text: str | None, version: tuple[int, int, int]) -> None:
    assert version_of(text) == version


# The version 3.13.0 and selectors that fit it, and that do not.
FITTING = [
    "*", "x", "", " ", "3", "3.x", "3.13", "3.13.x", "3.13.0", "=3.13.0", "v3.13.0", "= 3.13.0",
    "^3", "^3.10", "^3.10.0", "^3.13.0", "~3", "~3.13", "~3.13.0", "~>3.13", ">=3.10", "> 3.12",
    ">3.12.9 <3.14", "<4", "<=3.13", "<=3", ">=3 <4", "3 - 4", "3.10 - 3", "2.0.0 - 3.13.0",
    "1 || 3", "1||>=3.13", "<3.13.1-beta", ">3.13.0-rc.1", "^3.13.0-rc.1", "3.13.0+build",
    ">=3.0.0 *",
]  # fmt: skip
OTHERS = [
    "2", "4", "3.12", "3.10.0", "3.13.1", "^4", "^2.7", "^3.14", "^3.13.1", "~3.12", "~2", ">3",
    ">3.13", ">3.13.0", ">=3.13.1", "<3", "<3.13", "<3.13.0", "<=3.12", "1 - 2", "1 - 3.12",
    "1 || 2", "3.13.0-rc.1", "<3.13.0-rc.1", "latest", "python3", "3.13.0.0", "03.13", ">*", "<*",
    "3.13 || latest", "^", "3..1", "-1", "9" * 20,
]  # fmt: skip


@pytest.mark.parametrize("selector", FITTING)
def test_a_selector_fits_a_version(selector: str) -> None:
    assert satisfies((3, 13, 0), selector)


@pytest.mark.parametrize("selector", OTHERS)
def test_a_selector_does_not_fit_a_version(selector: str) -> None:
    assert not satisfies((3, 13, 0), selector)


@pytest.mark.parametrize(
    ("selector", "version", "fits"),
    [
        ("^0.2.3", (0, 2, 9), True),
        ("^0.2.3", (0, 3, 0), False),
        ("^0.0.3", (0, 0, 3), True),
        ("^0.0.3", (0, 0, 4), False),
        ("^0", (0, 9, 0), True),
        ("^0", (1, 0, 0), False),
        ("^0.0", (0, 0, 9), True),
        ("^0.0", (0, 1, 0), False),
        ("~1.2", (1, 3, 0), False),
    ],
)
def test_a_caret_keeps_the_first_number_that_is_not_zero(
    selector: str, version: tuple[int, int, int], *, fits: bool
) -> None:
    assert satisfies(version, selector) is fits


def test_a_selector_that_is_too_long_fits_nothing() -> None:
    assert not satisfies((3, 13, 0), "3.13.0 || " * 1000 + "*")
