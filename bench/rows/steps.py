"""The steps of a request, from the times in its execution's status.

Client, operator and Pod share the machine's clock, so their times can be subtracted.
"""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from figures.catalogue import STEPS

if TYPE_CHECKING:
    from access.client import Answer
    from world import World

_TIMES = ("queuedTime", "claimedTime", "startTime", "completionTime", "recordedTime")
_PROGRAM = ("compileSeconds", "executionSeconds", "checkSeconds")


async def add_overheads(world: World, key: str, answers: list[Answer]) -> None:
    """Add the responses to a row: each round trip less the time to compile, run and check."""
    figure = world.figures[key]
    for answer in answers:
        if answer.execution is None:
            figure.failures[answer.failure or ""] += 1
            continue
        path = f"{world.cluster.executions}/{answer.execution}"
        status = (await world.cluster.rest.call("GET", path))["status"]
        program = sum(status.get(name) or 0 for name in _PROGRAM)
        figure.values.append(1000 * (answer.seconds - program))
        figure.cold += not status.get("warm")
        for step, seconds in zip(STEPS, _steps(answer, status), strict=True):
            world.figures[f"{key}.{step}"].values.append(1000 * seconds)


def _steps(answer: Answer, status: dict[str, Any]) -> list[float]:
    times = [datetime.fromisoformat(status[name]).timestamp() for name in _TIMES]
    points = [answer.sent, *times, answer.sent + answer.seconds]
    return [after - before for before, after in pairwise(points)]
