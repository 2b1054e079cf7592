"""The gateway under concurrent hostile clients: the short form of `make siege`."""

from __future__ import annotations

from siege.attackers import Force
from siege.battle import Times, siege
from siege.report import problems
from support.installation import Installation, Kubectl
from support.site import site

_TIMES = Times(quiet=3, attack=20, rest=0, after=0)


async def test_the_gateway_serves_other_clients_during_a_siege(
    installation: Installation, kubectl: Kubectl
) -> None:
    with site(installation) as where:
        result = await siege(where, kubectl, Force(), _TIMES)
    assert problems(result) == []
