"""Attacks in a cluster that provides only the filter and the Pod's own settings.

No network policy is enforced, Pods use the ordinary network, and there are no user namespaces.
Attacks whose result does not depend on these run only in test_as_installed.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.clients.helm import other_values
from support.fixtures.installation import Installation

from attacks.harness.ahead import Ended, ahead
from attacks.harness.program import Program, programs
from attacks.harness.target import Target

ATTACKS = [attack for attack in programs() if attack.differs_in_open_network]


@pytest.fixture(scope="module")
def runtimes(installation: Installation, target: Target) -> Iterator[dict[str, str]]:
    """The languages' runtimes in such a cluster."""
    with (
        other_values(Path(installation.kubeconfig), "sandbox.userNamespaces=false"),
        target.open_runtimes() as names,
    ):
        yield names


@pytest.fixture(scope="module")
def ended(
    request: pytest.FixtureRequest,
    target: Target,
    runtimes: dict[str, str],
    addresses: dict[str, str],
) -> Iterator[Ended]:
    def run(attack: Program) -> dict[str, object]:
        return target.run(attack, addresses, runtimes[attack.language])

    with ahead(request, run) as found:
        yield found


def test_the_open_network_has_at_least_100_attacks() -> None:
    assert len(ATTACKS) >= 100


def test_a_pod_in_the_open_network_has_a_default_route_and_no_user_namespace(
    target: Target, runtimes: dict[str, str]
) -> None:
    code = "cat /proc/self/uid_map; grep -c -P '^\\w+\\t00000000\\t' /proc/net/route"
    status = target.ended(target.start(runtimes["bash"], {"code": code}))
    users, default_routes = status["stdout"].splitlines()
    assert users.split() == ["0", "0", "4294967295"]
    assert default_routes == "1"


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: one.name)
def test_an_attack_in_the_open_network_gets_only_what_its_file_declares(
    attack: Program, ended: Ended
) -> None:
    assert not (faults := attack.faults(ended(attack))), f"{attack.tries}: {faults}"
