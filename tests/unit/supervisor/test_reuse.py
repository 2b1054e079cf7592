"""Consecutive programs in one Pod: their results, and when the supervisor ends."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from support.fixtures.supervisor import PYTHON, Supervisors, encoded, frame_of, wait_until
from unit.supervisor.leftovers import LIST_LEFTOVERS, NO_LEFTOVERS


def test_counts_and_times_are_those_of_one_execution(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    busy = "import time\nwhile time.process_time() < 0.5: pass\nprint('x' * 5000)"
    first = reused.python(busy, limits={"stdout_bytes": 100})
    assert (first.exit["stdout_bytes"], first.exit["stdout_truncated"]) == (5001, True)
    assert first.exit["cpu_seconds"] >= 0.5
    second = reused.run(["echo", "y"], limits={"stdout_bytes": 100})
    assert (second.exit["stdout_bytes"], second.exit["stdout_truncated"]) == (2, False)
    assert second.exit["cpu_seconds"] < 0.4
    assert second.exit["execution_seconds"] < first.exit["execution_seconds"]


def test_out_of_memory_is_reported_only_for_the_execution_concerned(
    supervisors: Supervisors,
) -> None:
    # The program acts as the kernel and writes the cgroup's count.
    counts = supervisors.workspace.with_name("cgroup")
    counts.mkdir()
    (counts / "memory.events").write_text("oom_kill 7\n", encoding="utf-8")
    (counts / "memory.events").chmod(0o666)
    mount = f'mount --bind {counts} /sys/fs/cgroup && exec "$@"'
    reused = supervisors.reused("sh", "-c", mount, "sh")
    for command, killed in [
        ("kill -9 $$", False),
        ("echo oom_kill 8 > /sys/fs/cgroup/memory.events; kill -9 $$", True),
        ("kill -9 $$", False),
        ("echo oom_kill 9 > /sys/fs/cgroup/memory.events; kill -9 $$", True),
    ]:
        assert reused.bash(command).exit["out_of_memory"] is killed


def test_the_timeout_of_a_program_does_not_include_the_wait_before_it(
    supervisors: Supervisors,
) -> None:
    reused = supervisors.reused()
    timeout = 1.5
    reused.run(["true"], timeout_seconds=timeout)
    end = time.monotonic() + timeout
    wait_until(lambda: time.monotonic() > end)
    assert reused.run(["sleep", "0.5"], timeout_seconds=timeout).exit["timed_out"] is False
    found = reused.run(["sleep", "60"], timeout_seconds=timeout).exit
    assert found["timed_out"] is True
    assert found["execution_seconds"] > 1.4
    assert reused.python(LIST_LEFTOVERS).stdout == NO_LEFTOVERS


def test_another_program_runs_after_each_kind_of_end(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    compiler = {"command": ["bash", "-c", "echo no >&2; exit 1"], "timeout_seconds": 5.0}
    check = {"command": ["bash", "-c", "echo 'error: no' >&2; touch made; exit 1"]}
    assert reused.bash("kill -11 $$").exit["signal"] == 11
    assert reused.run(["no-such-program"]).exit["exit_code"] == 127
    assert reused.run(["true"], compile=compiler).exit["syntax_error"] == "no"
    assert reused.run(["false"], syntax_check=check).exit["syntax_error"] == "error: no"
    assert reused.bash("echo x > out", output_files=["*"]).exit["files"]
    assert reused.python(LIST_LEFTOVERS).stdout == NO_LEFTOVERS


def test_many_runs_do_not_grow_the_supervisor(supervisors: Supervisors) -> None:
    reused = supervisors.reused()

    def measured(runs: int) -> tuple[list[str], int]:
        for number in range(runs):
            code = f"echo {'x' * 5_000}; exit {number % 2}"
            reused.bash(code, syntax_check={"command": ["true"]})
        text = Path(f"/proc/{reused.pid}/status").read_text(encoding="utf-8")
        anonymous = next(line for line in text.splitlines() if line.startswith("RssAnon:"))
        descriptors = [path.name for path in Path(f"/proc/{reused.pid}/fd").iterdir()]
        return descriptors, int(anonymous.split()[1])  # KiB

    before, after = measured(50), measured(300)
    assert sorted(after[0]) == sorted(before[0])
    assert after[1] - before[1] < 256


def test_a_large_frame_is_not_kept_in_memory(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    reused.run(["true"])
    status = Path(f"/proc/{reused.pid}/statm")
    before = int(status.read_text(encoding="utf-8").split()[1])
    code = "import sys; sys.stdout.write('\\0' * 262144)"
    reused.python(code, files=[{"path": "main.py", "text": "x" * 4_000_000}])
    after = int(status.read_text(encoding="utf-8").split()[1])
    assert (after - before) * os.sysconf("SC_PAGE_SIZE") < 2 * 1024 * 1024


def test_the_supervisor_ends_before_its_log_is_rotated(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    code = "import os; os.write(1, b'\\0' * 262144)"
    command = [supervisors.interpreter, "-c", code]
    reused.run(command)
    result = reused.send(command)  # 1.5 MiB as JSON each time
    assert result.stdout == "\0" * 262_144
    result = reused.end()
    assert (result.code, result.events) == (0, [])


def test_the_supervisor_ends_when_the_input_ends_between_programs(supervisors: Supervisors) -> None:
    for afterwards in ("reset", "keepFiles"):
        reused = supervisors.reused()
        reused.run(["true"], afterwards)
        result = reused.end()
        # The number of its last event shows a log's reader that nothing is missing.
        assert [event["message"] for event in result.events] == ["the input ended"]
        assert result.code == 0


def test_the_supervisor_ends_after_the_program_when_the_input_ended_meanwhile(
    supervisors: Supervisors,
) -> None:
    reused = supervisors.reused()
    reused.peer.send(encoded(frame_of(["cat"], stdin="x", afterwards="reset")))
    result = reused.end()
    assert [event["event"] for event in result.events] == [
        "started",
        "stdout",
        "exit",
        "ready",
        "error",
    ]
    assert result.code == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\0\0", "frame: the input ended within the length"),
        (b"\0\0\0\5{}", "frame: the input ended after 2 of 5 bytes"),
        (b"\0\0\0\2{}", "frame: protocol: is missing"),
        (b"CLO\1", "frame: 1129074433 bytes exceed the limit of 4194304"),
    ],
)
def test_a_later_frame_is_validated_like_the_first(
    supervisors: Supervisors, data: bytes, message: str
) -> None:
    reused = supervisors.reused()
    reused.run(["true"])
    reused.peer.send(data)
    result = reused.end()
    assert (result.code, result.error) == (2, message)


def test_sigterm_ends_a_supervisor_that_waits_for_a_program(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    reused.run(["true"])
    os.kill(reused.pid, signal.SIGTERM)
    assert reused.peer.process.wait(timeout=20) == 143


def test_sigterm_ends_a_supervisor_during_its_reset(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    code = "import os\nfor i in range(200_000): os.mknod(str(i))"  # removing them takes a while
    assert reused.send([supervisors.interpreter, "-c", code]).exit["exit_code"] == 0
    os.kill(reused.pid, signal.SIGTERM)
    assert reused.peer.process.wait(timeout=20) == 143
    assert reused.end().events == []


def test_a_reader_stopped_during_the_reset_receives_everything(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    code = "import os; os.write(1, b'x' * 262144); os.mkdir('a'); open('a/b', 'w')"
    frame = frame_of([PYTHON, "-c", code], afterwards="reset")
    reused.peer.send(encoded(frame))
    wait_until((reused.place / "a" / "b").exists)
    result = reused.end()
    assert result.stdout == "x" * 262_144
    assert [event["event"] for event in result.events][-3:] == ["exit", "ready", "error"]


def test_a_reader_that_never_resumes_ends_the_pod(supervisors: Supervisors) -> None:
    reused = supervisors.reused(drain_seconds=0.2)
    frame = frame_of(["head", "-c", "262144", "/dev/zero"], afterwards="reset")
    reused.peer.send(encoded(frame))
    assert reused.peer.process.wait(timeout=20) == 1
    assert b"ready" not in reused.peer.output.read()
