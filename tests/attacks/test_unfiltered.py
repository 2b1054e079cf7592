"""The attacks on the network are known to attack something: without the rules they get through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from attacks.program import LANGUAGES, Program, programs
from attacks.target import Target
from support import images

IMAGE = Path(__file__).parent / "images" / "unfiltered"
HELD = [program for program in programs("network") if program.held_by == "the filter"]


@pytest.fixture(scope="module")
def unfiltered(target: Target) -> Iterator[dict[str, str]]:
    """Runtimes in an open network whose supervisor has no rules, by language."""
    made = {
        language: images.load(
            f"unfiltered-{language}", IMAGE, target.place.runtime(language)["spec"]["image"]
        )
        for language in LANGUAGES.values()
    }
    with target.open_runtimes("unfiltered", **made) as names:
        yield names


def test_there_are_many() -> None:
    assert len(HELD) >= 20


@pytest.mark.parametrize("attack", HELD, ids=lambda one: one.name)
def test_without_rules(
    attack: Program, target: Target, addresses: dict[str, str], unfiltered: dict[str, str]
) -> None:
    status = target.run(attack, addresses, unfiltered[attack.language])
    assert attack.faults(status), f"{attack.tries}: held without the filter"
