"""Save a run: all values as JSON, the table as text, the picture."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from access.installation import ROOT
from figures import picture
from figures.catalogue import ROWS
from figures.table import comparison, table

if TYPE_CHECKING:
    from pathlib import Path

    from figures.run import Figures

RESULTS = ROOT / "bench" / "results"
PICTURE = ROOT / "docs" / "design" / "performance.svg"
UNKEPT = ROOT / ".cloche" / "bench"
"""For partial runs: a directory that git ignores."""


def keep(figures: Figures, minutes: float, *, whole: bool) -> Path:
    """Save the results, and return the path of the JSON file."""
    directory = RESULTS if whole else UNKEPT
    directory.mkdir(parents=True, exist_ok=True)
    run = about(minutes)
    path = directory / "bench.json"
    rows = ",\n".join(f"  {json.dumps(row)}" for row in _rows(figures))
    path.write_text(
        f'{{\n "run": {json.dumps(run)},\n "rows": [\n{rows}\n ]\n}}\n', encoding="utf-8"
    )
    head = f"{run['commit']}, {run['time']}, {run['machine']}, {minutes:.0f} minutes"
    (directory / "bench.txt").write_text(f"{head}\n\n{table(figures)}\n", encoding="utf-8")
    drawn = PICTURE if whole else directory / PICTURE.name
    drawn.write_text(picture.picture(figures, head), encoding="utf-8")
    return path


def _rows(figures: Figures) -> list[dict[str, Any]]:
    """Return every row: summary, comparisons, and all values rounded to microseconds."""
    rows = []
    for row in ROWS:
        if row.key not in figures:
            continue
        figure = figures[row.key]
        compared = [figures.compared(bound, row.key) for bound in row.bounds]
        of: dict[str, Any] = {"key": row.key, "title": row.title.strip(), "unit": row.unit}
        of |= {name: round(value, 3) for name, value in asdict(figure.summary).items()}
        if row.rate:
            of |= {"count": figure.count, "seconds": figure.seconds, "rate": round(figure.rate, 3)}
        of["compared"] = [comparison(each) for each in compared if each]
        of |= {"failures": dict(figure.failures), "cold": figure.cold}
        of["values"] = [round(value, 3) for value in figure.values]
        rows.append(of)
    return rows


def about(minutes: float) -> dict[str, Any]:
    """Return what was measured, when and on which machine."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    commit = subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return {
        "commit": commit or "unknown",
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "machine": f"{os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}",
        "minutes": round(minutes, 1),
    }
