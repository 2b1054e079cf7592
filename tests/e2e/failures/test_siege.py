"""The gateway under concurrent hostile clients: the short form of `make siege`."""

from __future__ import annotations

from siege.attackers import Force
from siege.battle import Times, siege
from siege.report import problems
from support.clients.installation_api import installation_api
from support.clients.kubectl import InstallationKubectl
from support.fixtures.installation import Installation

_TIMES = Times(quiet=3, attack=20, rest=0, after=0)


async def test_the_gateway_serves_other_clients_during_a_siege(
    installation: Installation, kubectl: InstallationKubectl
) -> None:
    with installation_api(installation) as where:
        result = await siege(where, kubectl, Force(), _TIMES)
    assert problems(result) == []
