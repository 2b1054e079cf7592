"""Every attack, where the filter stands alone and as Cloche is installed."""

from __future__ import annotations

import pytest
from attacks.program import Program, programs
from attacks.target import Target

ATTACKS = programs()

attack = pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: one.name)


def test_there_are_many() -> None:
    assert len(ATTACKS) >= 120
    assert len({attack.tries for attack in ATTACKS}) == len(ATTACKS)


@attack
def test_in_an_open_network(
    attack: Program, target: Target, addresses: dict[str, str], open_runtimes: dict[str, str]
) -> None:
    status = target.run(attack, addresses, open_runtimes[attack.language])
    assert not (faults := attack.faults(status)), f"{attack.tries}: {faults}"


@attack
def test_as_installed(attack: Program, target: Target, addresses: dict[str, str]) -> None:
    status = target.run(attack, addresses)
    assert not (faults := attack.faults(status)), f"{attack.tries}: {faults}"
