"""The results as a table, and as JSON with the commit."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chaos.faults import FAULTS

if TYPE_CHECKING:
    from chaos.row import Row

RESULTS = Path(__file__).parent / "results" / "chaos.json"
_WIDTHS = (26, 7, 11, 10, 6, 13)
_HEAD = ("fault", "rounds", "executions", "completed", "twice", "recovered in", "other ends")


def line(row: Row) -> str:
    """Return one round as a line, with its problems."""
    took = "not in time" if row.recovery_seconds is None else f"{row.recovery_seconds:g} s"
    others = ", ".join(f"{n} {reason}" for reason, n in row.others.items()) or "none"
    found = row.problems()
    moments = ", ".join(str(strike.ended_before) for strike in row.strikes)
    return (
        f"{row.fault} (seed {row.seed}, after {moments} ends): {row.completed} of "
        f"{row.executions} completed in {row.all_ended_seconds:g} s, others: {others}, "
        f"twice: {len(row.twice)}, recovered: {took}" + "".join(f"\n  PROBLEM {p}" for p in found)
    )


def table(rows: list[Row]) -> str:
    """Return all rounds, with a line for each fault."""
    lines = [_line(_HEAD)]
    for fault in FAULTS:
        of = [row for row in rows if row.fault == fault.name]
        if not of:
            continue
        others: Counter[str] = Counter()
        for row in of:
            others.update(row.others)
        times = [row.recovery_seconds for row in of]
        known = [time for time in times if time is not None]
        took = f"≤ {max(known):g} s" if len(known) == len(times) else "NOT IN TIME"
        cells = (
            fault.name,
            len(of),
            sum(row.executions for row in of),
            sum(row.completed for row in of),
            sum(len(row.twice) for row in of),
            took,
            ", ".join(f"{count} {reason}" for reason, count in others.items()) or "none",
        )
        lines.append(_line(cells))
    return "\n".join(lines)


def _line(cells: tuple[object, ...]) -> str:
    *cells_, last = cells
    widths = zip(cells_, _WIDTHS, strict=True)
    return "".join(f"{cell!s:<{width}}" for cell, width in widths) + str(last)


def keep(rows: list[Row], seed: int) -> None:
    """Save the results; those of other faults at the same commit are kept."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], check=True, capture_output=True, text=True
    ).stdout.strip()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    mine = [{**asdict(row), "problems": row.problems(), "run": seed} for row in rows]
    others: list[dict[str, Any]] = []
    if RESULTS.exists():
        before = json.loads(RESULTS.read_text(encoding="utf-8"))
        faults = {row.fault for row in rows}
        others = [
            row
            for row in before["rounds"]
            if before["commit"] == commit
            and (row["fault"] not in faults or row["run"] == seed)
            and (row["fault"], row["seed"]) not in {(r.fault, r.seed) for r in rows}
        ]
    RESULTS.parent.mkdir(exist_ok=True)
    result = {"commit": commit, "time": now, "rounds": others + mine}
    RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
