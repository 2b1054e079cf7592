"""The table for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from figures.catalogue import ROWS

if TYPE_CHECKING:
    from figures.catalogue import Bound, Row
    from figures.run import Comparison, Figures

_HEAD = f"{'':<31}{'n':>6}{'min':>9}{'p50':>9}{'p90':>9}{'p99':>9} {'':<6}{'per s':>9}   ratio to"
_NAMES = {
    "write": "one API write",
    "bare": "the bare Pod",
    "churn": "bare Pod churn",
    "refill": "none stored",
    "loop": "the bare loop",
    "burst_limit": "bare churn of as many",
}


def table(figures: Figures) -> str:
    """Return every measured row, with its absolute values, ratios and bounds."""
    lines = [_HEAD]
    for row in ROWS:
        if row.key in figures:
            lines.extend(_row(row, figures))
    return "\n".join(lines)


def _row(row: Row, figures: Figures) -> list[str]:
    figure = figures[row.key]
    of = figure.summary
    cells = "".join(_number(value) for value in (of.min, of.p50, of.p90, of.p99))
    rate = f"{figure.rate:>9.2f}" if row.rate else " " * 9
    head = f"{row.title:<31}{of.n:>6}{cells} {row.unit:<6}{rate}   "
    notes = [
        words for bound in row.bounds if (words := comparison(figures.compared(bound, row.key)))
    ]
    notes += [f"FAILED {count} times: {what}" for what, count in figure.failures.items()]
    if figure.cold:
        notes.append(f"{figure.cold} of them found no waiting Pod")
    first, *others = notes or [""]
    return [(head + first).rstrip(), *(" " * len(head) + note for note in others)]


def comparison(compared: Comparison | None) -> str:
    """Return a ratio as text, with its bound and whether it holds; empty if there is no ratio."""
    if compared is None:
        return ""
    bound = compared.bound
    if bound.limit is None:
        ratio = f"{bound.statistic} {compared.value:.1f}"
    else:
        ratio = f"{bound.statistic} {compared.ratio:.2f} of {_NAMES[bound.limit]}"
    if bound.factor is None:
        return ratio
    return f"{ratio}: {verdict(compared)}"


def verdict(compared: Comparison) -> str:
    """Return the bound, its stretch goal if there is one, and whether they hold."""
    bound = compared.bound
    return ", ".join(
        f"{_sign(bound)} {factor:g} {name}{'held' if compared.holds(factor) else 'NOT held'}"
        for factor, name in ((bound.factor, ""), (bound.stretch, "(stretch) "))
        if factor is not None
    )


def _sign(bound: Bound) -> str:
    return "≥" if bound.at_least else "≤"


def _number(value: float) -> str:
    return f"{value:>9.1f}" if value < 10_000 else f"{value:>9.0f}"  # noqa: PLR2004  five digits
