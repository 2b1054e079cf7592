"""The order of standard output and standard error, in two streams and in one."""

from __future__ import annotations

from typing import Any

import pytest
from support.fixtures.supervisor import PYTHON, Supervisors

from cloche_supervisor.run.output import BATCH_SECONDS, BURST_LINES, Order, Stream

_TAKEN = (
    "import array, fcntl, os, termios\n"
    "def write(stream, text):\n"
    "    os.write(stream, text.encode())\n"
    "    left = array.array('i', [1])\n"
    "    while left[0]:\n"  # until the supervisor has read it
    "        fcntl.ioctl(stream, termios.FIONREAD, left)\n"
)
_BOTH_BY_TURNS = "import os\nfor n in range(300): os.write(1 + n % 2, b'%d\\n' % n)"
_NUMBERS = "".join(f"{n}\n" for n in range(300))


class _Events:
    """The events that streams write."""

    def __init__(self) -> None:
        self.written: list[tuple[str, str]] = []

    def data(self, stream: str, text: str) -> bool:
        self.written.append((stream, text))
        return True


def _streams(events: _Events, limit: int = 1_000_000) -> tuple[Stream, Stream]:
    order = Order(0.0)
    of_events: Any = events
    return Stream(of_events, "stdout", limit, order), Stream(of_events, "stderr", limit, order)


def test_output_of_both_streams_has_the_order_in_which_it_was_read(
    supervisors: Supervisors,
) -> None:
    code = _TAKEN + "for n in range(100): write(1 + (n // 2 % 2), f'{n} ')"
    result = supervisors.python(code)
    printed = [event for event in result.events if event["event"] in ("stdout", "stderr")]
    assert "".join(event["data"] for event in printed) == "".join(f"{n} " for n in range(100))
    assert (len(result.stdout.split()), len(result.stderr.split())) == (50, 50)


def test_output_of_one_stream_is_batched_until_the_other_has_newer_output() -> None:
    events = _Events()
    out, err = _streams(events)
    for stream, text in ((out, b"a"), (out, b"b"), (err, b"c"), (out, b"d"), (out, b"e")):
        stream.feed(text, 0.001)
    assert events.written == [("stdout", "ab"), ("stderr", "c")]
    out.flush()
    assert events.written[2:] == [("stdout", "de")]


def test_a_program_that_changes_streams_at_each_byte_writes_a_bounded_number_of_lines() -> None:
    events = _Events()
    out, err = _streams(events)
    seconds = 10
    for n in range(500_000):
        now = n * seconds / 500_000
        for stream in (out, err):
            if stream.due is not None and stream.due <= now:
                stream.flush()
            stream.feed(b"x", now)
    out.finish()
    err.finish()
    assert len(events.written) <= BURST_LINES + 2 * seconds / BATCH_SECONDS + 4
    assert sum(len(text) for stream, text in events.written if stream == "stdout") == 500_000
    assert sum(len(text) for stream, text in events.written if stream == "stderr") == 500_000


def test_dropped_output_writes_no_lines() -> None:
    events = _Events()
    out, err = _streams(events, limit=3)
    for _ in range(10):
        out.feed(b"x", 0.0)
        err.feed(b"y", 0.0)
    out.finish()
    err.finish()
    assert events.written == [("stdout", "x"), ("stderr", "y")] * 3


def test_merged_output_has_the_order_in_which_it_was_written(supervisors: Supervisors) -> None:
    result = supervisors.python(_BOTH_BY_TURNS, merge_output=True)
    assert (result.stdout, result.stderr) == (_NUMBERS, "")
    assert result.exit["stdout_bytes"] == len(_NUMBERS)
    assert (result.exit["stderr_bytes"], result.exit["stderr_truncated"]) == (0, False)


def test_merged_output_shares_the_limit_of_standard_output(supervisors: Supervisors) -> None:
    result = supervisors.bash("printf abc; printf def >&2", merge_output=True, limits=_LIMITS)
    assert (result.stdout, result.exit["stdout_truncated"]) == ("abcd", True)
    assert result.exit["stdout_bytes"] == 6


_LIMITS = {"stdout_bytes": 4, "stderr_bytes": 100}


def test_the_reason_why_a_command_cannot_be_run_is_in_the_merged_output(
    supervisors: Supervisors,
) -> None:
    result = supervisors.run(["no-such-program"], merge_output=True)
    assert result.stdout == "no-such-program: No such file or directory\n"


@pytest.mark.parametrize(("merged", "stream"), [(True, "stdout"), (False, "stderr")])
def test_the_output_of_a_failed_compiler_has_the_order_in_which_it_was_written(
    supervisors: Supervisors, *, merged: bool, stream: str
) -> None:
    command = [PYTHON, "-I", "-S", "-c", _BOTH_BY_TURNS + "\nraise SystemExit(1)"]
    compiler = {"command": command, "timeout_seconds": 20.0}
    result = supervisors.run(["true"], compile=compiler, merge_output=merged)
    assert result.stdout + result.stderr == result.text(stream) == _NUMBERS
    assert result.exit[f"{stream}_bytes"] == len(_NUMBERS)


def test_a_reused_pod_runs_programs_with_and_without_merged_output(
    supervisors: Supervisors,
) -> None:
    reused = supervisors.reused()
    for merged, found in ((True, ("ab", "")), (False, ("a", "b")), (True, ("ab", ""))):
        result = reused.bash("printf a; printf b >&2", merge_output=merged)
        assert (result.stdout, result.stderr) == found
