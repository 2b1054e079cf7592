"""Every attack as Cloche is installed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attacks.ahead import Ended, ahead
from attacks.program import Program, programs
from attacks.target import Target

ATTACKS = programs()


@pytest.fixture(scope="module")
def ended(
    request: pytest.FixtureRequest, target: Target, addresses: dict[str, str]
) -> Iterator[Ended]:
    with ahead(request, lambda attack: target.run(attack, addresses)) as found:
        yield found


def test_there_are_many() -> None:
    assert len(ATTACKS) >= 120
    assert len({attack.tries for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: one.name)
def test_holds(attack: Program, ended: Ended) -> None:
    assert not (faults := attack.faults(ended(attack))), f"{attack.tries}: {faults}"
