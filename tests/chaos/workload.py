"""The workload during faults: programs of several kinds, with their expected output."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

_OUTPUT_BYTES = 64 * 1024
_LINE = 64
_TIMEOUT_SECONDS = 30
_SLEEP = """import time
print("begin {number}", flush=True)
time.sleep({seconds})
print("end {number}")
"""
_WRITE = """for line in range({lines}):
    print(f"{number:08d} {{line:0{width}d}}")
"""


@dataclass(frozen=True)
class Program:
    """A Python program and its complete output."""

    code: str
    stdout: str
    timeout_seconds: int = _TIMEOUT_SECONDS


def short(number: int) -> Program:
    """One printed line."""
    return Program(f"print({number} ** 2)", f"{number**2}\n")


def sleeper(number: int, seconds: float) -> Program:
    """Print at the beginning and at the end, and sleep between them."""
    code = _SLEEP.format(number=number, seconds=seconds)
    timeout = max(_TIMEOUT_SECONDS, math.ceil(seconds) + 1)
    return Program(code, f"begin {number}\nend {number}\n", timeout)


def writer(number: int) -> Program:
    """Print 64 KiB of distinct lines, so that a gap or a repetition is detected."""
    lines, width = _OUTPUT_BYTES // _LINE, _LINE - 10
    text = "".join(f"{number:08d} {line:0{width}d}\n" for line in range(lines))
    return Program(_WRITE.format(lines=lines, number=number, width=width), text)


def mix(count: int, rng: random.Random) -> list[Program]:
    """Return `count` programs: of ten, four are short, four sleep 0.5 to 3 s, two write."""
    kinds = [
        short,
        lambda number: sleeper(number, round(rng.uniform(0.5, 3.0), 2)),
        writer,
    ]
    chosen = rng.choices(kinds, weights=(4, 4, 2), k=count)
    return [kind(number) for number, kind in enumerate(chosen)]
