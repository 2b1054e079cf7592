"""Every attack on Cloche as installed.

Attacks that leave their Pod unchanged share Pods, in copies of the runtimes with `reuse:
SameTenant`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from attacks.harness.ahead import Ended, ahead
from attacks.harness.program import Program, programs
from attacks.harness.target import Target

ATTACKS = programs()


@pytest.fixture(scope="module")
def shared(target: Target) -> Iterator[dict[str, str]]:
    """The runtimes of the shared Pods, by language."""
    with target.reusing_runtimes("attacks-shared") as names:
        yield names


@pytest.fixture(scope="module")
def ended(
    request: pytest.FixtureRequest,
    target: Target,
    shared: dict[str, str],
    addresses: dict[str, str],
) -> Iterator[Ended]:
    def run(attack: Program) -> dict[str, object]:
        runtime = shared[attack.language] if attack.shares_pods else attack.language
        return target.run(attack, addresses, runtime)

    with ahead(request, run) as found:
        yield found


def test_the_suite_has_at_least_120_different_attacks() -> None:
    assert len(ATTACKS) >= 120
    assert len({attack.tries for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: one.name)
def test_an_attack_gets_only_what_its_file_declares(attack: Program, ended: Ended) -> None:
    assert not (faults := attack.faults(ended(attack))), f"{attack.tries}: {faults}"
