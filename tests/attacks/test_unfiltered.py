"""The network attacks are effective: without the filter's rules they succeed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.clients import images

from attacks.harness.ahead import Ended, ahead
from attacks.harness.program import LANGUAGES, Program, programs
from attacks.harness.target import Target

IMAGE = Path(__file__).parent / "images" / "unfiltered"
HELD = [program for program in programs("network") if program.held_by == "the filter"]


@pytest.fixture(scope="module")
def unfiltered(target: Target) -> Iterator[dict[str, str]]:
    """Runtimes in an open network whose supervisor has no rules, by language."""
    made = {
        language: images.load(
            f"unfiltered-{language}", IMAGE, target.cluster.runtime(language)["spec"]["image"]
        )
        for language in LANGUAGES.values()
    }
    with target.open_runtimes("unfiltered", made) as names:
        yield names


@pytest.fixture(scope="module")
def ended(
    request: pytest.FixtureRequest,
    target: Target,
    unfiltered: dict[str, str],
    addresses: dict[str, str],
) -> Iterator[Ended]:
    def run(attack: Program) -> dict[str, object]:
        return target.run(attack, addresses, unfiltered[attack.language])

    with ahead(request, run) as found:
        yield found


def test_the_filter_alone_stops_at_least_20_attacks() -> None:
    assert len(HELD) >= 20


@pytest.mark.parametrize("attack", HELD, ids=lambda one: one.name)
def test_an_attack_succeeds_without_the_filter(attack: Program, ended: Ended) -> None:
    status = ended(attack)
    assert status["phase"] != "Error", status.get("message")  # it has run
    assert attack.faults(status), f"{attack.tries}: held without the filter"
