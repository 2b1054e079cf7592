"""Every attack, where the filter stands alone and as Cloche is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from attacks.program import Program, programs
from attacks.target import Target

ATTACKS = programs()
TOGETHER = 3
"""At a time: they must not reach one another either."""

attack = pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: one.name)
where = pytest.mark.parametrize("where", ["in an open network", "as installed"])

Ended = Callable[[str, Program], dict[str, Any]]


@pytest.fixture(scope="module")
def ended(
    request: pytest.FixtureRequest,
    target: Target,
    addresses: dict[str, str],
    open_runtimes: dict[str, str],
) -> Iterator[Ended]:
    """How an attack has ended: all that were chosen run ahead of their tests, some at a time."""
    found: dict[tuple[str, str], Future[dict[str, Any]]] = {}
    with ThreadPoolExecutor(TOGETHER) as pool:
        for item in request.session.items:
            chosen = getattr(item, "callspec", None)
            if item.path == request.path and chosen:
                one, place = chosen.params["attack"], chosen.params["where"]
                runtime = open_runtimes[one.language] if place == "in an open network" else None
                found[place, one.name] = pool.submit(target.run, one, addresses, runtime)
        yield lambda place, one: found[place, one.name].result()
        pool.shutdown(cancel_futures=True)


def test_there_are_many() -> None:
    assert len(ATTACKS) >= 120
    assert len({one.tries for one in ATTACKS}) == len(ATTACKS)


@where
@attack
def test_holds(attack: Program, where: str, ended: Ended) -> None:
    assert not (faults := attack.faults(ended(where, attack))), f"{attack.tries}: {faults}"
