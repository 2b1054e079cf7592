"""Draw the results of a run as SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from figures.catalogue import BY_KEY, CHURN, STEPS

if TYPE_CHECKING:
    from figures.run import Figures

_WIDTH, _LEFT, _RIGHT = 860, 236, 230
_LINE = 26
_LATENCIES = ("write", "warm", "refill", "clients", "stored", "bare", "cold")
_COLOURS = ("#9db7d5", "#5b8ab8", "#3c7d53", "#e3b34c", "#b98a22", "#8c6bb1")
_INK, _SOFT = "#1f2933", "#6a7683"


def picture(figures: Figures, head: str) -> str:
    """Return latencies, steps and throughput, one below the other."""
    parts: list[str] = []
    y = 30.0
    parts.append(_text(20, y, "Cloche, measured", size=16, weight=600))
    parts.append(_text(20, y + 18, head, size=11, colour=_SOFT))
    y += 48
    for draw in (_latencies, _steps, _rates):
        drawn, y = draw(figures, y)
        parts += drawn
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y:.0f}" '
        'font-family="system-ui, sans-serif" font-size="13" role="img" '
        'aria-label="Latencies, steps of a warm request, and throughput">\n'
        f'<rect width="{_WIDTH}" height="{y:.0f}" rx="10" fill="#f6f8fa"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _latencies(figures: Figures, y: float) -> tuple[list[str], float]:
    """Draw a bar to p50 and a line to p99 for each row; cold rows have a separate scale."""
    parts: list[str] = []
    for title, keys in (
        ("Milliseconds, warm: what Cloche adds to the program (bar: p50, line: p99)", 5),
        ("Milliseconds, cold: the whole request", -2),
    ):
        chosen = _LATENCIES[:keys] if keys > 0 else _LATENCIES[keys:]
        there = [key for key in chosen if key in figures]
        if not there:
            continue
        parts.append(_text(20, y, title, weight=600))
        y += 12
        longest = max(figures[key].summary.p99 for key in there)
        for key in there:
            of = figures[key].summary
            p50, p99 = _scaled(of.p50, longest), _scaled(of.p99, longest)
            colour = "#9aa7b4" if key in ("write", "bare") else "#3c7d53"
            parts += [
                _text(20, y + 17, BY_KEY[key].title),
                _bar(_LEFT, y + 5, p50, colour),
                f'<path d="M{_LEFT + p50:.1f} {y + 13} H{_LEFT + p99:.1f}" stroke="{colour}"/>',
                f'<path d="M{_LEFT + p99:.1f} {y + 8} v10" stroke="{colour}"/>',
                _text(_LEFT + p99 + 8, y + 17, f"{of.p50:.1f}, p99 {of.p99:.1f}", colour=_SOFT),
            ]
            y += _LINE
        y += 22
    return parts, y


def _steps(figures: Figures, y: float) -> tuple[list[str], float]:
    """Draw a warm request's steps in a row, each with the width of its p50."""
    there = [step for step in STEPS if f"warm.{step}" in figures]
    if not there:
        return [], y
    medians = [max(0.0, figures[f"warm.{step}"].summary.p50) for step in there]
    parts = [_text(20, y, "A warm request, step by step (p50; finished: the program)", weight=600)]
    y += 12
    x, room = 20.0, _WIDTH - 40.0
    for number, (step, median) in enumerate(zip(there, medians, strict=True)):
        width = room * median / sum(medians)
        parts.append(_bar(x, y, width, _COLOURS[number]))
        column = 20 + number * room / len(there)
        parts.append(_bar(column, y + 28, 10, _COLOURS[number], height=10))
        parts.append(_text(column + 15, y + 37, f"{step} {median:.1f} ms", size=12))
        x += width
    return parts, y + 66


def _rates(figures: Figures, y: float) -> tuple[list[str], float]:
    """Draw the rates."""
    keys = [*(f"churn{n}" for n in CHURN), "single", "loop", "reuse"]
    there = [key for key in keys if key in figures]
    if not there:
        return [], y
    parts = [_text(20, y, "Programs a second, sustained", weight=600)]
    y += 12
    most = max(figures[key].rate for key in there)
    for key in there:
        rate = figures[key].rate
        colour = "#9aa7b4" if key.startswith("churn") or key == "loop" else "#3c7d53"
        width = _scaled(rate, most)
        parts += [
            _text(20, y + 17, BY_KEY[key].title),
            _bar(_LEFT, y + 5, width, colour),
            _text(_LEFT + width + 8, y + 17, f"{rate:.1f}", colour=_SOFT),
        ]
        y += _LINE
    return parts, y + 16


def _scaled(value: float, most: float) -> float:
    return (_WIDTH - _LEFT - _RIGHT) * value / most


def _bar(x: float, y: float, width: float, colour: str, height: float = 16) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height}" '
        f'fill="{colour}"/>'
    )


def _text(  # noqa: PLR0913  an SVG text's attributes, all by name
    x: float, y: float, text: str, *, size: int = 13, weight: int = 400, colour: str = _INK
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" '
        f'fill="{colour}">{escape(text)}</text>'
    )
