"""What runs while something fails: programs of several kinds, each with the output it must have."""

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
    """A Python program and all that it prints."""

    code: str
    stdout: str
    timeout_seconds: int = _TIMEOUT_SECONDS


def short(number: int) -> Program:
    """One printed line."""
    return Program(f"print({number} ** 2)", f"{number**2}\n")


def sleeper(number: int, seconds: float) -> Program:
    """Output at the begin and at the end, with time between them to be hit in."""
    code = _SLEEP.format(number=number, seconds=seconds)
    timeout = max(_TIMEOUT_SECONDS, math.ceil(seconds) + 1)
    return Program(code, f"begin {number}\nend {number}\n", timeout)


def writer(number: int) -> Program:
    """64 KiB of lines, no two alike: a gap or a repetition would show."""
    lines, width = _OUTPUT_BYTES // _LINE, _LINE - 10
    text = "".join(f"{number:08d} {line:0{width}d}\n" for line in range(lines))
    return Program(_WRITE.format(lines=lines, number=number, width=width), text)


def mix(count: int, rng: random.Random) -> list[Program]:
    """`count` programs: of ten, four are short, four sleep 0.5 to 3 s, two write."""
    kinds = [
        short,
        lambda number: sleeper(number, round(rng.uniform(0.5, 3.0), 2)),
        writer,
    ]
    chosen = rng.choices(kinds, weights=(4, 4, 2), k=count)
    return [kind(number) for number, kind in enumerate(chosen)]
