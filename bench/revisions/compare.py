"""Compare two revisions, which alternate on one cluster, round by round."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import interrupts
from access.client import precedence
from access.installation import ROOT
from figures.files import UNKEPT, about
from figures.run import Figures
from plan import opened
from progress import say
from revisions import turns
from revisions.installed import two_revisions
from revisions.ratios import BASE, HERE, Round, as_json, order_of, ratios, table
from revisions.trees import commit_of
from world import Sizes

if TYPE_CHECKING:
    from access.installation import Installation

ROUNDS = 6
LEAST_ROUNDS = 2
"""A single round has no interval."""
_TURN_SECONDS = 100.0
"""Estimated duration of a turn with its installation, used before the first turn has ended."""


def compare(to: Installation, base: str, rounds: int, runtime_class: str | None = None) -> None:
    """Measure, print and save; a run that ends early also saves its complete rounds.

    `runtime_class`: the RuntimeClass of the base's sandbox Pods, if it is another one.

    Raises:
        BenchError: there is no such revision; see also `two_revisions` and `turns.measure`.
        ClusterError: see `two_revisions`.
    """
    commit = commit_of(base)
    interrupts.run(_look(to))
    began, done = time.monotonic(), list[Round]()
    try:
        _rounds((base, commit, runtime_class), rounds, done)
    finally:
        if len(done) >= LEAST_ROUNDS:
            _keep(base, done, (time.monotonic() - began) / 60)


async def _look(to: Installation) -> None:
    """Check that the installation works before anything is built."""
    async with opened(to, Figures(0), Sizes()):
        pass


def _rounds(base: tuple[str, str, str | None], rounds: int, done: list[Round]) -> None:
    with two_revisions(*base) as (installer, *revisions):
        by_side = dict(zip((BASE, HERE), revisions, strict=True))
        began, turn, seconds = time.monotonic(), 0, _TURN_SECONDS
        for number in range(1, rounds + 1):
            found: dict[str, Figures] = {}
            for side in order_of(number):
                left = (2 * rounds - turn) * seconds / 60
                turn += 1
                what = f"round {number} of {rounds}, turn {turn} of {2 * rounds}"
                say(f"{what}: installing {by_side[side].name}; {left:.0f} minutes left")
                to = installer.install(by_side[side], turn)
                with precedence():
                    found[side] = interrupts.run(turns.measure(to, first=number - 1))
                seconds = (time.monotonic() - began) / turn
            done.append(Round(found[BASE], found[HERE]))


def _keep(base: str, rounds: list[Round], minutes: float) -> None:
    """Print the table, and save the table and all values."""
    run, found = about(minutes), ratios(rounds)
    head = (
        f"{run['commit']} / {base}, {len(rounds)} rounds, {run['time']}, {run['machine']}, "
        f"{minutes:.0f} minutes"
    )
    text = f"{head}\n\n{table(found, base)}\n"
    UNKEPT.mkdir(parents=True, exist_ok=True)
    path = UNKEPT / "comparison.json"
    kept = {"run": run | {"base": base}, "rows": as_json(found, rounds)}
    path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    path.with_suffix(".txt").write_text(text, encoding="utf-8")
    sys.stdout.write(f"{text}\n{path.relative_to(ROOT)}\n")
