"""The parameters of a submission as Judge0 reads them, and the ranges of its numbers.

Forms and queries have strings only, and clients send numbers as strings in JSON too. What is not a
scalar counts as absent, as in Judge0.
"""

from __future__ import annotations

import binascii
import re
import string
from dataclasses import dataclass
from typing import Any

from cloche_api import limits

_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "off", "OFF"})
"""The strings that Rails takes for false (ActiveModel::Type::Boolean)."""
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_NUMBER_CHARACTERS = 40
_BASE64 = (string.ascii_letters + string.digits + "+/").encode()
_NOT_BASE64 = bytes(byte for byte in range(256) if byte not in _BASE64)
_NOT_A_NUMBER = "is not a number"


@dataclass(frozen=True, slots=True)
class Range:
    """The range of a number. Both ends belong to it, unless `above`: then `least` does not."""

    default: float
    least: float
    most: float
    above: bool = False

    def mistake(self, value: float) -> str | None:
        """Return the sentence for a value that is out of range, or None."""
        if self.above and value <= self.least:
            return f"must be greater than {self.least}"
        if value < self.least:
            return f"must be greater than or equal to {self.least}"
        if value > self.most:
            return f"must be less than or equal to {self.most}"
        return None


COMPILE_SECONDS = 60
"""The time of a compiler: the limit of the runtimes in this repository. Judge0 has 20 s, on a
machine that is not shared."""
_SECONDS_MAX = float(limits.TIMEOUT_SECONDS_MAX - COMPILE_SECONDS)
_KB_MAX = 2 * limits.MIB
RANGES = {
    "number_of_runs": Range(1, 0, 20, above=True),
    "cpu_time_limit": Range(5.0, 0, _SECONDS_MAX),
    "cpu_extra_time": Range(1.0, 0, _SECONDS_MAX),
    "wall_time_limit": Range(10.0, 1, _SECONDS_MAX),
    "memory_limit": Range(512 * limits.KIB, 2048, _KB_MAX),
    "stack_limit": Range(64000, 0, _KB_MAX),
    "max_processes_and_or_threads": Range(60, 0, 1024, above=True),
    "max_file_size": Range(1024, 0, _KB_MAX),
}
"""The numbers of a submission: times in seconds, sizes in KB. The defaults are those of Judge0,
except for `memory_limit`, which has that of the runtimes in this repository: a submission without
it can use a waiting Pod. The maxima are what Cloche allows, so that no value is refused that
another installation of Judge0 accepts."""
PER_PROCESS = (
    "enable_per_process_and_thread_time_limit",
    "enable_per_process_and_thread_memory_limit",
)
"""The flags for limits of each process instead of all. Cloche has no such limits."""
FLAGS = dict.fromkeys((*PER_PROCESS, "redirect_stderr_to_stdout", "enable_network"), False)
"""The flags of a submission, with their defaults."""


def text(value: Any) -> str | None:
    """Return a text, or None if there is none."""
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, int | float):
        return str(value)
    return value if isinstance(value, str) else None


def flag(value: Any) -> bool | None:
    """Return a flag, or None if there is none."""
    if isinstance(value, str):
        return value not in _FALSE if value else None
    return bool(value) if isinstance(value, int | float) else None


def number(value: Any) -> float | None:
    """Return a number, or None if there is none.

    Raises:
        ValueError: it is a flag, or a text that is not a number.
    """
    if isinstance(value, bool):
        raise ValueError(_NOT_A_NUMBER)  # noqa: TRY004  as for a text that is not a number
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str) or not (word := value.strip()):
        return None
    if len(word) > _NUMBER_CHARACTERS or not _NUMBER.fullmatch(word):
        raise ValueError(_NOT_A_NUMBER)
    found = float(word)
    return int(found) if found.is_integer() else found


def ranged(name: str, value: Any) -> float | None:
    """Return a number of `RANGES`, or None if there is none. Sizes and counts are integers.

    Raises:
        ValueError: it is not a number, or out of range. The message is the sentence.
    """
    found = number(value)
    if found is None:
        return None
    allowed = RANGES[name]
    if mistake := allowed.mistake(found):
        raise ValueError(mistake)
    return found if isinstance(allowed.default, float) else int(found)


def decoded(value: str) -> bytes:
    """Return the bytes of a text in base64.

    As in Judge0, everything outside of the alphabet is ignored, and the first `=` is the end.
    """
    raw = value.partition("=")[0].encode("ascii", "ignore").translate(None, _NOT_BASE64)
    raw = raw[: len(raw) - (len(raw) % 4 == 1)]
    return binascii.a2b_base64(raw + b"=" * (-len(raw) % 4))
