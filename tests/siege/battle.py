"""A siege in three phases: quiet, under attack by a separate process, and after the attack."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, Protocol

from siege.attackers import Target
from siege.witness import Seen, Witness
from support.clients.api_keys import extra_key
from support.data.names import SANDBOXES

from cloche_api.meta import LABEL_TENANT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.process import BaseProcess
    from multiprocessing.synchronize import Event as _Event

    from support.clients.installation_api import InstallationApi
    from support.clients.kubectl import InstallationKubectl

_ATTACKER = f"siege-attacker-{secrets.token_hex(4)}"
_READY_SECONDS = 120.0


class Attack(Protocol):
    """An attack. It is pickled and sent to the attackers' process."""

    @property
    def component(self) -> str:
        """The component whose memory and restarts are observed: gateway or operator."""

    async def tasks(self, target: Target) -> list[asyncio.Task[NoReturn]]:
        """Start all attackers."""


@dataclass(frozen=True)
class Times:
    """Durations of the phases in seconds."""

    quiet: float = 60.0
    attack: float = 600.0
    rest: float = 40.0
    """From the attackers' end to the last observation."""
    after: float = 20.0


@dataclass(frozen=True)
class Result:
    """The other tenant's observations before, during and after the attack."""

    quiet: Seen
    attacked: Seen
    after: Seen


async def siege(
    cluster: InstallationApi, kubectl: InstallationKubectl, attack: Attack, times: Times
) -> Result:
    """Observe the service before, during and after the attack."""
    with (
        extra_key(kubectl, tenant="siege-witness", ratePerMinute=1000) as own,
        extra_key(kubectl, tenant=_ATTACKER) as hostile,
    ):
        witness = Witness(cluster, own, attack.component)
        quiet = await witness.look(times.quiet)
        with _attackers(Target(cluster.installation.url, hostile), attack):
            attacked = await witness.look(times.attack)
        of_attacker = f"{LABEL_TENANT}={_ATTACKER}"
        # Through kubectl, because the attackers have used up their key's rate of deletions.
        for kind in ("sandboxexecutions", "sandboxsessions"):
            kubectl("delete", kind, "-n", SANDBOXES, "-l", of_attacker, "--wait=false")
        await asyncio.sleep(times.rest)
        return Result(quiet, attacked, await witness.look(times.after))


@contextlib.contextmanager
def _attackers(target: Target, attack: Attack) -> Iterator[BaseProcess]:
    """Attack from a separate process during the block."""
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    process = spawn.Process(target=_attack, args=(target, attack, ready))
    process.start()
    try:
        assert ready.wait(_READY_SECONDS), "the attackers could not begin"
        yield process
    finally:
        process.terminate()
        process.join()


def _attack(target: Target, attack: Attack, ready: _Event) -> None:
    asyncio.run(_attack_for_ever(target, attack, ready))


async def _attack_for_ever(target: Target, attack: Attack, ready: _Event) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    # A siege that is killed leaves no attackers.
    asyncio.get_running_loop().add_reader(parent.sentinel, os._exit, 1)
    tasks = await attack.tasks(target)
    ready.set()
    await asyncio.gather(*tasks)
