"""What /proc shows of processes."""

from __future__ import annotations

import os
import subprocess
import sys

from cloche_cluster.machine.processes import arguments, descendants, describe, read_processes

WAITS = "import sys; print(flush=True); sys.stdin.read()"


def test_a_process_is_described_by_its_id_and_command_line() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITS, "two  words"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert arguments(process.pid) == (sys.executable, "-c", WAITS, "two  words")
        assert describe(process.pid).startswith(
            f"process {process.pid} ({sys.executable} -c import"
        )
        assert process.pid in descendants(os.getpid(), os.getsid(0))
        assert process.pid in {one.pid for one in read_processes()}
        process.communicate()
    assert arguments(process.pid) == ()
    assert describe(process.pid) == f"process {process.pid}"
    assert process.pid not in descendants(os.getpid(), os.getsid(0))


def test_a_process_of_another_session_is_no_descendant() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert process.pid not in descendants(os.getpid(), os.getsid(0))
        process.communicate()


def test_the_present_process_is_not_among_all_processes() -> None:
    assert os.getpid() not in {one.pid for one in read_processes()}
    assert describe(None) == "an unknown process"
