"""One siege: a quiet stretch, then one under attack, with the attackers in their own process."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from siege.attackers import Force, Target, submit
from siege.witness import Seen, Witness
from support.installation import SANDBOXES
from support.keys import extra_key

from cloche_api.meta import LABEL_TENANT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.process import BaseProcess
    from multiprocessing.synchronize import Event as _Event

    from support.installation import Kubectl
    from support.site import Site

_ATTACKER = f"siege-attacker-{secrets.token_hex(4)}"
_PRINTERS = 20
"""Executions whose event streams are followed."""
_READY_SECONDS = 120.0
_LARGE = {
    "language": "python",
    "code": "import sys; sys.stdout.write('x' * 250_000); sys.stderr.write('\U0001f600' * 60_000)",
    "stdin": "y" * 250_000,
}


@dataclass(frozen=True)
class Result:
    """What the other tenant saw before and under attack."""

    quiet: Seen
    attacked: Seen


async def siege(
    site: Site, kubectl: Kubectl, force: Force, quiet_seconds: float, attack_seconds: float
) -> Result:
    """Watch the service while nothing happens, then while it is attacked."""
    with (
        extra_key(kubectl, tenant="siege-witness", ratePerMinute=1000) as own,
        extra_key(kubectl, tenant=_ATTACKER) as hostile,
    ):
        witness = Witness(site, own)
        quiet = await witness.look(quiet_seconds)
        with _attackers(Target(site.installation.url, hostile), force, attack_seconds):
            attacked = await witness.look(attack_seconds)
        of_attacker = f"{LABEL_TENANT}={_ATTACKER}"
        # By kubectl: the attackers have used up the deletions of their key.
        kubectl("delete", "sbx", "-n", SANDBOXES, "-l", of_attacker, "--wait=false")
    return Result(quiet, attacked)


@contextlib.contextmanager
def _attackers(target: Target, force: Force, seconds: float) -> Iterator[BaseProcess]:
    """Attack from a process of its own within the block, from its beginning."""
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    process = spawn.Process(target=_attack, args=(target, force, seconds, ready))
    process.start()
    try:
        assert ready.wait(_READY_SECONDS), "the attackers could not begin"
        yield process
    finally:
        process.terminate()
        process.join()


def _attack(target: Target, force: Force, seconds: float, ready: _Event) -> None:
    asyncio.run(_attack_for(target, force, seconds, ready))


async def _attack_for(target: Target, force: Force, seconds: float, ready: _Event) -> None:
    ended = await submit(target, _LARGE)
    loop = f"for n in range({int(seconds)}): print(n, flush=True); time.sleep(1)"
    printer = f"import time\n{loop}"
    running = [
        await submit(target, {"language": "python", "code": printer, "timeout": 300})
        for _ in range(_PRINTERS)
    ]
    tasks = force.tasks(target, ended, running)
    ready.set()
    await asyncio.gather(*tasks)
