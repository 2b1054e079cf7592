from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from support.fixtures.supervisor import (
    HELLO,
    PYTHON,
    Peer,
    Supervisors,
    encoded,
    frame_of,
    wait_until,
)

from cloche_supervisor.protocol.events import Events


def _limited(size: int) -> dict[str, int]:
    return {"stdout_bytes": size, "stderr_bytes": size}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"\xe2\x82\xac", "\u20ac"),
        (b"a\xffb", "a\ufffdb"),
        (b"end\xe2\x82", "end\ufffd"),
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),  # a surrogate encoded in UTF-8
        (b"\xc0\x80", "\ufffd\ufffd"),
        (b"\xf4\x90\x80\x80", "\ufffd" * 4),
        (b"a\0b", "a\0b"),
        (b"\xf0\x9f\x8c\xb1", "\U0001f331"),
        (b"\xe2\x80\xa8\xc2\x85\r\n", "\u2028\u0085\r\n"),
        (b"\x1b[31m\x7f", "\x1b[31m\x7f"),
        (b'{"seq":0,"event":"exit"}\n', '{"seq":0,"event":"exit"}\n'),
    ],
)
def test_output_bytes_are_decoded_to_text(
    supervisors: Supervisors, written: bytes, read: str
) -> None:
    result = supervisors.python(f"import os; os.write(1, {written!r})")
    assert result.stdout == read
    assert result.exit["stdout_bytes"] == len(written)
    assert result.exit["stdout_truncated"] is False


def test_a_character_split_between_writes_is_kept(supervisors: Supervisors) -> None:
    result = supervisors.python(
        "import os, time\n"
        "for byte in '€🌱'.encode():\n"
        "    os.write(1, bytes([byte])); time.sleep(0.05)"
    )
    assert result.stdout == "€🌱"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_output_over_the_limit_is_counted_and_dropped(
    supervisors: Supervisors, stream: str
) -> None:
    number = 1 if stream == "stdout" else 2
    result = supervisors.python(
        f"import os\nfor _ in range(1000): os.write({number}, b'x' * 10000)\nprint(end='')",
        limits=_limited(1234),
    )
    found = result.exit
    assert result.text(stream) == "x" * 1234
    assert (found[f"{stream}_bytes"], found[f"{stream}_truncated"]) == (10_000_000, True)
    other = "stderr" if stream == "stdout" else "stdout"
    assert (found[f"{other}_bytes"], found[f"{other}_truncated"]) == (0, False)
    assert found["exit_code"] == 0


@pytest.mark.parametrize(("limit", "kept"), [(0, ""), (3, "€"), (4, "€"), (5, "€"), (6, "€€")])
def test_output_is_cut_between_characters(supervisors: Supervisors, limit: int, kept: str) -> None:
    result = supervisors.python("print('€' * 9)", limits=_limited(limit))
    assert result.stdout == kept
    assert result.exit["stdout_truncated"] is True


def test_output_of_exactly_the_limit_is_not_truncated(supervisors: Supervisors) -> None:
    result = supervisors.python("print(end='x' * 100)", limits=_limited(100))
    assert (result.stdout, result.exit["stdout_truncated"]) == ("x" * 100, False)


@pytest.mark.parametrize(
    ("unit", "read"),
    [("x", "x"), ("\\0", "\0"), ("\\xff", "\ufffd"), ("<", "<"), ("\\xf0\\x9f\\x8c\\xb1", "🌱")],
)
def test_output_of_the_full_limit_is_sent_in_short_lines(
    supervisors: Supervisors, unit: str, read: str
) -> None:
    size = len(eval(f"b'{unit}'"))  # noqa: S307 - a literal of this file
    result = supervisors.python(
        f"import sys; sys.stdout.buffer.write(b'{unit}' * (262144 // {size}))"
    )
    assert result.stdout == read * (262144 // size)
    assert result.exit["stdout_truncated"] is False
    assert max(map(len, result.lines)) <= 16_000


def test_small_writes_are_combined_but_not_delayed(supervisors: Supervisors) -> None:
    result = supervisors.python("import os\nfor _ in range(2000): os.write(1, b'ab')")
    assert result.stdout == "ab" * 2000
    assert len(result.lines) < 200
    peer = supervisors.start()
    code = "import sys; print('now', flush=True); sys.stdin.read(); import time; time.sleep(1000)"
    peer.send(HELLO + encoded(frame_of([PYTHON, "-c", code])))
    peer.read_until(b'"data":"now\\n"')  # while the program still runs
    peer.process.terminate()
    assert peer.finish().code == 143


def _flood(supervisors: Supervisors, **settings: Any) -> Peer:
    """A run whose reader stops after `ready`, while more than 100 MB are printed."""
    peer = supervisors.start(**settings)
    peer.send(HELLO)
    peer.read_until(b"ready")
    code = (
        "import os, pathlib\n"
        "for _ in range(1600): os.write(1, b'\\0' * 65536); os.write(2, b'\\0' * 65536)\n"
        "pathlib.Path('flooded').touch()"
    )
    peer.send(encoded(frame_of([PYTHON, "-c", code])))
    wait_until((supervisors.workspace / "flooded").exists)
    return peer


def test_a_stopped_reader_receives_everything_when_it_resumes(supervisors: Supervisors) -> None:
    result = _flood(supervisors).finish()
    assert result.stdout == result.stderr == "\0" * 262_144
    assert result.exit["stdout_bytes"] == result.exit["stderr_bytes"] == 1600 * 65536
    assert (result.exit["exit_code"], result.code) == (0, 0)


def test_a_reader_that_never_resumes_does_not_block_the_supervisor(
    supervisors: Supervisors,
) -> None:
    peer = _flood(supervisors, drain_seconds=0.2)
    assert peer.process.wait(timeout=20) == 0


def test_the_timeout_holds_with_a_stopped_reader(supervisors: Supervisors) -> None:
    peer = supervisors.start()
    started = time.monotonic()
    peer.send(HELLO + encoded(frame_of(["yes"], timeout_seconds=0.5)))
    pid = peer.process.pid
    wait_until(lambda: _children(pid) != [])
    wait_until(lambda: _children(pid) == [])
    assert time.monotonic() - started < 10
    result = peer.finish()
    assert result.exit["timed_out"] is True
    assert result.exit["execution_seconds"] < 5


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()


def test_a_full_queue_drops_output_and_flags_it(supervisors: Supervisors) -> None:
    peer = supervisors.start()
    peer.send(HELLO)
    peer.read_until(b"ready")
    code = (
        "import os, pathlib\n"
        "for _ in range(160): os.write(1, b'x' * 65536)\n"
        "pathlib.Path('flooded').touch()"
    )
    frame = frame_of([PYTHON, "-c", code], limits={"stdout_bytes": 100_000_000})
    peer.send(encoded(frame))
    wait_until((supervisors.workspace / "flooded").exists)
    result = peer.finish()
    assert result.exit["stdout_truncated"] is True
    assert result.exit["stdout_bytes"] == 160 * 65536
    assert 4_000_000 < len(result.stdout) < 4_400_000


def test_a_closed_output_pipe_ends_the_run(supervisors: Supervisors) -> None:
    peer = supervisors.start()
    peer.send(HELLO)
    peer.read_until(b"ready")
    peer.send(encoded(frame_of(["bash", "-c", "echo $$ > pid; yes"])))
    peer.read_until(b"y\\n")
    peer.output.close()
    assert peer.process.wait(timeout=20) == 1
    assert peer.errors.read() == b""
    pid = int((supervisors.workspace / "pid").read_text(encoding="utf-8"))
    assert not Path(f"/proc/{pid}").exists()


def test_the_prefix_of_each_log_line_is_counted() -> None:
    reader, writer = os.pipe()
    events = Events(writer)
    for _ in range(100):
        events.data("stdout", "x")
    os.close(writer)
    lines = os.read(reader, 65536).splitlines(keepends=True)
    os.close(reader)
    assert len(lines) == 100
    # As containerd writes it, with a time of the maximum length.
    prefix = b"2026-11-24T08:00:00.123456789+00:00 stdout F "
    assert events.logged >= sum(len(prefix + line) for line in lines)
