"""The result of a siege as a table, and its defects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from figures.stats import summary

if TYPE_CHECKING:
    from siege.battle import Result
    from siege.witness import Seen

LIMIT = 512.0
"""Memory limit of a gateway or an operator in MiB (`gateway.resources`, `operator.resources`)."""


def problems(result: Result) -> list[str]:
    """Return defects that do not depend on the machine: restarts, memory, wrong responses."""
    found = []
    for seen in (result.attacked, result.after):
        if seen.restarts:
            found.append(f"there were {seen.restarts} restarts")
        found += [
            f"the process at {address} had {size:.0f} of {LIMIT:.0f} MiB in memory"
            for address, size in seen.memory.items()
            if size > LIMIT
        ]
        found += seen.problems
    return found


def table(result: Result) -> str:
    """Return the times of each phase in milliseconds, and the memory of each process."""
    lines = [
        f"{'':16}{'/health p50':>12}{'p99':>8}{'program p50':>13}{'p99':>8}{'n':>6}  MiB",
        _line("quiet", result.quiet),
        _line("under attack", result.attacked),
    ]
    if result.after.programs:
        lines.append(_line("afterwards", result.after))
    ratio = summary(result.attacked.programs).p50 / summary(result.quiet.programs).p50
    return "\n".join([*lines, f"a program takes {ratio:.2f} times its quiet median"])


def _line(name: str, seen: Seen) -> str:
    health, programs = summary(seen.health), summary(seen.programs)
    memory = " ".join(f"{size:.0f}" for size in seen.memory.values())
    return (
        f"{name:16}{health.p50:>12.1f}{health.p99:>8.1f}"
        f"{programs.p50:>13.1f}{programs.p99:>8.1f}{programs.n:>6}  {memory}"
    )
