"""One siege: a quiet stretch, then one under attack, with the attackers in their own process."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
from siege.attackers import Force, Target, submit
from siege.bodies import SESSION
from siege.witness import Seen, Witness
from support.keys import extra_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.process import BaseProcess
    from multiprocessing.synchronize import Event as _Event

    from support.installation import Kubectl
    from support.site import Site

_PRINTERS = 20
"""Executions whose event streams are followed."""
_READY_SECONDS = 120.0
_LARGE = {
    "language": "python",
    "session_id": SESSION,
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
        extra_key(kubectl, tenant="siege-attacker") as hostile,
    ):
        witness = Witness(site, own)
        quiet = await witness.look(quiet_seconds)
        with _attackers(Target(site.installation.url, hostile), force, attack_seconds):
            attacked = await witness.look(attack_seconds)
        await _clean_up(Target(site.installation.url, hostile))
    return Result(quiet, attacked)


async def _clean_up(target: Target) -> None:
    """Remove the attackers' executions, as soon as their rate allows it."""
    path = f"/api/v1/execute/session/{SESSION}"
    async with httpx.AsyncClient(base_url=target.url, headers={"X-API-Key": target.key}) as client:
        while (answer := await client.delete(path, timeout=60)).status_code != httpx.codes.OK:
            assert answer.status_code == httpx.codes.TOO_MANY_REQUESTS, answer.text
            await asyncio.sleep(float(answer.headers["Retry-After"]))


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
    program = {"language": "python", "session_id": SESSION, "code": printer, "timeout": 300}
    running = [await submit(target, program) for _ in range(_PRINTERS)]
    tasks = force.tasks(target, ended, running)
    ready.set()
    await asyncio.gather(*tasks)
