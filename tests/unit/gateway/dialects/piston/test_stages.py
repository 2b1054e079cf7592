"""How a stage ends in the words of Piston."""

from __future__ import annotations

from typing import Any

import pytest

from cloche_gateway.dialects.outcome import Ending, Outcome, Usage
from cloche_gateway.dialects.piston.stages import End, end_of

UNKNOWN = Usage(None, None, None)


def ended(ending: Ending, exit_code: int | None, **fields: Any) -> Outcome:
    known: dict[str, Any] = {"stdout": "", "stderr": "", **fields}
    return Outcome(
        execution_id="1", ending=ending, in_compiler=False, compiled=False, exit_code=exit_code,
        stdout_truncated=False, stderr_truncated=False, run=UNKNOWN, compile=UNKNOWN, files=[],
        **known,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("ending", "exit_code", "end"),
    [
        (Ending.EXITED, 0, End(0)),
        (Ending.EXITED, 3, End(3, None, "RE", "Exited with error code 3")),
        (Ending.EXITED, 139, End(139, None, "RE", "Exited with error code 139")),
        (Ending.SIGNALED, 139, End(None, "SIGSEGV", "SG", "Caught fatal signal 11")),
        (Ending.SIGNALED, 128 + 63, End(None, None, "SG", "Caught fatal signal 63")),
        (Ending.OUT_OF_MEMORY, 137, End(None, "SIGKILL", "SG", "Caught fatal signal 9")),
        (Ending.OUT_OF_MEMORY, None, End(None, "SIGKILL", "SG", "Caught fatal signal 9")),
        (Ending.OUT_OF_MEMORY, 1, End(1, None, "RE", "Exited with error code 1")),
        (Ending.DISK_FULL, 153, End(None, "SIGXFSZ", "SG", "Caught fatal signal 25")),
        (Ending.TIMED_OUT, 137, End(None, "SIGKILL", "TO", "Time limit exceeded (wall clock)")),
        (Ending.REJECTED, 1, End(1, None, "RE", "Exited with error code 1")),
        (Ending.REJECTED, None, End(1, None, "RE", "Exited with error code 1")),
    ],
)
def test_each_ending_has_the_fields_that_isolate_reports(
    ending: Ending, exit_code: int | None, end: End
) -> None:
    assert end_of(ended(ending, exit_code)) == end


@pytest.mark.parametrize(
    ("order", "output"),
    [
        ((), "abcXY"),
        ((1, 1, 1), "aXbcY"),
        ((0, 2, 3), "XYabc"),
        ((9, 9, 9), "abcXY"),
        ((0, 0, 0), "abcXY"),
    ],
)
def test_the_output_has_both_streams_in_their_order(order: tuple[int, ...], output: str) -> None:
    of = ended(Ending.EXITED, 0, stdout="abc", stderr="XY", output_order=order)
    assert of.output == output
