"""Programs are run to their end, followed, and terminated together with this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from cloche_cluster.errors import CommandError
from cloche_cluster.machine.command import cause, follow, run

if TYPE_CHECKING:
    from pathlib import Path


def test_follow_passes_on_lines_of_standard_error() -> None:
    heard: list[str] = []
    follow(["sh", "-c", "echo one >&2; echo out; echo two >&2"], heard.append, timeout=10)
    assert heard == ["one", "two"]


def test_the_error_of_a_failed_followed_program_has_its_last_lines() -> None:
    with pytest.raises(CommandError, match="exit code 3:\n    the last"):
        follow(["sh", "-c", "echo the last >&2; exit 3"], lambda _: None, timeout=10)


def test_a_followed_program_is_ended_at_its_timeout() -> None:
    with pytest.raises(CommandError, match="did not end within 0 s"):
        follow(["sleep", "60"], lambda _: None, timeout=0.2)


PARENT = """
    import signal, sys
    from cloche_cluster.cli import _interrupt
    from cloche_cluster.machine.command import run
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        run(["sh", "-c", {script!r}], timeout=60, uninterrupted={uninterrupted})
    except KeyboardInterrupt:
        print("interrupted")
"""


def interrupted(tmp_path: Path, script: str, *, uninterrupted: bool) -> str:
    """Run `script` by `run` in a separate process, and interrupt that when the script waits."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    code = textwrap.dedent(PARENT.format(script=script, uninterrupted=uninterrupted))
    parent = subprocess.Popen(
        [sys.executable, "-c", code], text=True, stdout=subprocess.PIPE, cwd=tmp_path
    )
    with fifo.open() as opened:
        assert opened.readline() == "ready\n"
        parent.send_signal(signal.SIGTERM)
        said, _ = parent.communicate(timeout=20)
        rest = opened.read()
    assert said == "interrupted\n"
    return rest


def test_an_interruption_ends_the_started_program(tmp_path: Path) -> None:
    rest = interrupted(
        tmp_path, "echo ready > fifo; sleep 30; echo done > fifo", uninterrupted=False
    )
    assert rest == ""


def test_an_uninterrupted_program_runs_to_its_end(tmp_path: Path) -> None:
    rest = interrupted(
        tmp_path, "exec > fifo; echo ready; sleep 0.5; echo done", uninterrupted=True
    )
    assert rest == "done\n"


def test_the_error_for_a_missing_program_names_it() -> None:
    with pytest.raises(CommandError, match="no-such-program is not installed"):
        run(["no-such-program"], timeout=1)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("write /var/lib/x: no space left on device", "the disk is full"),
        ("cc1: fatal error: No space left on device", "the disk is full"),
        ("E: Failed to fetch http://example.org/x  Temporary failure resolving", "source"),
        ("dial tcp 192.0.2.1:443: connect: connection refused", "source"),
        ("npm error code EAI_AGAIN", "source"),
    ],
)
def test_a_known_cause_is_explained_with_what_to_do(output: str, said: str) -> None:
    with pytest.raises(CommandError) as failed:
        run(["sh", "-c", f"echo '{output}' >&2; exit 1"], timeout=10)
    first, _, rest = str(failed.value).partition("\n")
    assert said in first
    assert "run the same command again" in first
    assert output in rest


def test_an_unknown_cause_is_not_explained() -> None:
    assert cause("undefined: main") is None
