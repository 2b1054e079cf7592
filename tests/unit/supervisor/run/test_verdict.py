"""Why a program, a compiler or a check failed: lines, killed processes, and a full volume."""

from __future__ import annotations

import signal
import time
from typing import Any

import pytest
from support.fixtures.supervisor import Reused, Supervisors

from cloche_supervisor.protocol.frame import FailureMessages
from cloche_supervisor.run import verdict
from cloche_supervisor.run.output import ENDS_BYTES, Ends
from cloche_supervisor.run.program import Ended

MESSAGES = FailureMessages(
    ("FATAL ERROR: *heap out of memory", "MemoryError"), ("*disk is full*",), ("*compiler bug*",)
)
AS_FRAME = {
    "out_of_memory": ["FATAL ERROR: *heap out of memory", "MemoryError"],
    "disk_full": ["*disk is full*"],
    "compiler_failed": ["*compiler bug*"],
}


def _ended(exit_code: int = 1, number: int | None = None, **changes: bool) -> Ended:
    flags = {"timed_out": False, "oom_killed": False} | changes
    return Ended(number if number is not None else exit_code << 8, seconds=1, **flags)


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        (b"FATAL ERROR: Reached heap limit - JavaScript heap out of memory\n trace\n", "memory"),
        (b"Traceback\nMemoryError", "memory"),
        (b"  MemoryError\r\nmore", "memory"),
        (b"MemoryErrors\n", None),
        (b"say: MemoryError\n", None),
        (b"FATAL ERROR: heap out of memory", "memory"),
        (b"FATAL ERROR: heap out of\nmemory", None),
        (b"OSError: [Errno 28] No space left on device\n", "disk"),
        (b"write x: no space left on device\n", "disk"),
        (b"Runtime error: database or disk is full (13)", "disk"),
        (b"disk is full\nMemoryError\n", "memory"),
        (b"a compiler bug\n", None),
        (b"\xff\xfe\0 MemoryError\n", None),
        (b"", None),
    ],
)
def test_a_failed_program_is_judged_by_the_lines_of_its_standard_error(
    output: bytes, cause: str | None
) -> None:
    expected = {"memory": verdict.OUT_OF_MEMORY, "disk": verdict.DISK_FULL, None: None}[cause]
    assert verdict.of_program(_ended(1), output, MESSAGES) == expected
    assert verdict.of_program(_ended(number=signal.SIGABRT), output, MESSAGES) == expected
    assert verdict.of_program(_ended(0), output, MESSAGES) is None
    timed_out = _ended(number=signal.SIGKILL, timed_out=True)
    assert verdict.of_program(timed_out, output, MESSAGES) is None


@pytest.mark.parametrize(
    ("ended", "output", "cause"),
    [
        (_ended(1), b"x.c:1:1: error: no\n", None),
        (_ended(1, oom_killed=True), b"g++: Killed signal\n", verdict.OUT_OF_MEMORY),
        (_ended(number=signal.SIGKILL, oom_killed=True), b"", verdict.OUT_OF_MEMORY),
        (_ended(1), b"MemoryError\n", verdict.OUT_OF_MEMORY),
        (_ended(1), b"x.o: No space left on device\n", verdict.DISK_FULL),
        (_ended(number=signal.SIGXFSZ), b"", verdict.DISK_FULL),
        (_ended(number=signal.SIGXCPU), b"", verdict.COMPILER_FAILED),
        (_ended(number=signal.SIGSEGV), b"", verdict.COMPILER_FAILED),
        (_ended(127), b"cc: No such file or directory\n", verdict.COMPILER_FAILED),
        (_ended(4), b"cc1: a compiler bug: report it\n", verdict.COMPILER_FAILED),
        (_ended(number=signal.SIGKILL, timed_out=True), b"", None),
        (_ended(0), b"MemoryError\n", None),
    ],
)
def test_a_compiler_that_did_not_decide_is_told_from_one_that_rejects_the_code(
    ended: Ended, output: bytes, cause: str | None
) -> None:
    assert verdict.of_compiler(ended, output, MESSAGES) == cause


def test_a_pattern_of_several_parts_matches_them_in_their_order() -> None:
    messages = FailureMessages(("thread *: java.lang.*Error: heap*space",), (), ())
    for line, found in [
        (b"thread 1: java.lang.OutOfMemoryError: heap  space", True),
        (b"thread : java.lang.Error: heapspace", True),
        (b"thread 1: Error: heap java.lang. space", False),
        (b"thread 1: java.lang.Error: heap spaces", False),
    ]:
        assert (verdict.of_program(_ended(), line, messages) is not None) is found, line


@pytest.mark.parametrize(
    "output",
    [b"\n" * 131_072, b"ab*\n" * 32_768, b"a" * 131_072, b"aaaaaab\n" * 16_384],
)
def test_hostile_output_is_searched_within_a_second(output: bytes) -> None:
    patterns = tuple(f"*{'a*' * n}aaaaaab*x{n}" for n in range(32))
    start = time.process_time()
    assert verdict.of_compiler(_ended(), output, FailureMessages(patterns, patterns, ())) is None
    assert time.process_time() - start < 1


def test_only_the_beginning_and_the_end_of_a_long_output_are_kept() -> None:
    ends = Ends()
    for number in range(1000):
        ends.feed(f"{number:08}\n".encode() * 40)
    data = ends.data()
    assert len(data) == 2 * ENDS_BYTES
    assert data.startswith(b"00000000\n00000000\n")
    assert data.endswith(b"00000999\n00000999\n")


@pytest.mark.parametrize("size", [0, 1, ENDS_BYTES, ENDS_BYTES + 1, 2 * ENDS_BYTES])
def test_a_short_output_is_kept_whole(size: int) -> None:
    ends = Ends()
    data = bytes(n % 251 for n in range(size))
    ends.feed(data)
    assert ends.data() == data


def test_the_message_is_found_after_more_output_than_is_returned(supervisors: Supervisors) -> None:
    code = "head -c 400000 /dev/zero | tr '\\0' 'x\\n' >&2; echo >&2; echo MemoryError >&2; exit 1"
    found = supervisors.bash(code, failure_messages=AS_FRAME).exit
    assert (found["out_of_memory"], found["exit_code"], found["stderr_truncated"]) == (
        True,
        1,
        True,
    )


def test_the_words_of_a_program_that_succeeds_change_nothing(supervisors: Supervisors) -> None:
    found = supervisors.bash("echo MemoryError >&2", failure_messages=AS_FRAME).exit
    assert (found["out_of_memory"], found["exit_code"]) == (False, 0)


def test_the_words_of_a_program_in_its_standard_output_change_nothing(
    supervisors: Supervisors,
) -> None:
    found = supervisors.bash("echo MemoryError; exit 1", failure_messages=AS_FRAME).exit
    assert found["out_of_memory"] is False


def test_a_program_that_ran_out_of_memory_is_not_checked(supervisors: Supervisors) -> None:
    result = supervisors.bash(
        "echo MemoryError >&2; exit 1",
        failure_messages=AS_FRAME,
        syntax_check={"command": ["false"]},
    )
    assert (result.stages, result.exit["out_of_memory"]) == (["run"], True)


@pytest.mark.parametrize(
    ("script", "flag", "exit_code"),
    [
        ("echo MemoryError; exit 1", "out_of_memory", 137),
        ("echo 'as: x.s: No space left on device' >&2; exit 1", "disk_full", 1),
        ("echo 'x: a compiler bug' >&2; exit 4", "compiler_failed", 4),
        ("kill -11 $$", "compiler_failed", 139),
        ("exit 127", "compiler_failed", 127),
    ],
)
def test_a_compiler_that_did_not_decide_gives_no_syntax_error(
    supervisors: Supervisors, script: str, flag: str, exit_code: int
) -> None:
    compiler = {"command": ["bash", "-c", script], "timeout_seconds": 10.0}
    result = supervisors.run(["true"], compile=compiler, failure_messages=AS_FRAME)
    flags = ("out_of_memory", "disk_full", "compiler_failed")
    assert [name for name in flags if result.exit[name]] == [flag]
    assert (result.exit["syntax_error"], result.exit["exit_code"]) == (None, exit_code)
    assert result.stages == ["compile"]


@pytest.mark.parametrize("line", ["MemoryError", "x: No space left on device", "a compiler bug"])
def test_a_check_that_did_not_decide_gives_no_syntax_error(
    supervisors: Supervisors, line: str
) -> None:
    check = {"command": ["bash", "-c", f"echo '{line}'; exit 1"]}
    result = supervisors.run(["false"], syntax_check=check, failure_messages=AS_FRAME)
    assert result.stages == ["run", "check"]
    assert result.exit["syntax_error"] is None
    assert not result.exit["out_of_memory"]
    assert not result.exit["disk_full"]


def _killing(supervisors: Supervisors) -> Reused:
    """Return a supervisor whose programs write the cgroup's count, as the kernel does."""
    counts = supervisors.workspace.with_name("cgroup")
    counts.mkdir()
    (counts / "memory.events").write_text("oom_kill 0\n", encoding="utf-8")
    (counts / "memory.events").chmod(0o666)
    return supervisors.reused(
        "sh", "-c", f'mount --bind {counts} /sys/fs/cgroup && exec "$@"', "sh"
    )


def test_a_killed_child_counts_if_its_parent_fails(supervisors: Supervisors) -> None:
    reused = _killing(supervisors)
    kill = "echo oom_kill {} > /sys/fs/cgroup/memory.events; exit {}"
    compiler = {"command": ["bash", "-c", kill.format(1, 1)], "timeout_seconds": 5.0}
    check = {"command": ["bash", "-c", kill.format(2, 1)]}
    compiled = reused.run(["true"], compile=compiler).exit
    assert (compiled["out_of_memory"], compiled["exit_code"]) == (True, 137)
    assert compiled["syntax_error"] is None
    checked = reused.run(["false"], syntax_check=check).exit
    assert (checked["out_of_memory"], checked["syntax_error"]) == (False, None)
    ran = reused.bash(kill.format(3, 2)).exit
    assert (ran["out_of_memory"], ran["exit_code"]) == (True, 2)
    assert reused.bash(kill.format(4, 0)).exit["out_of_memory"] is False


FILL = "head -c 9000000 /dev/zero > big 2>/dev/null"


@pytest.mark.parametrize(
    ("code", "full"),
    [
        (f"{FILL}; exit 1", True),
        (f"{FILL}; exit 0", False),
        (f"{FILL}; rm big; exit 1", False),
        (f"{FILL}; kill -7 $$", True),  # SIGBUS: memory of a file that has no space
    ],
)
def test_a_program_that_fails_and_leaves_a_full_workspace_ran_out_of_disk(
    supervisors: Supervisors, *, code: str, full: bool
) -> None:
    reused = supervisors.reused(options="mode=777,size=1m")
    assert reused.bash(code).exit["disk_full"] is full


def test_a_workspace_that_was_full_before_is_not_the_reason(supervisors: Supervisors) -> None:
    reused = supervisors.reused(options="mode=777,size=1m")
    assert reused.bash(FILL + "; true", "keepFiles").exit["disk_full"] is False
    assert reused.bash("exit 1", "keepFiles").exit["disk_full"] is False


def test_invalid_code_in_a_full_workspace_is_a_syntax_error(supervisors: Supervisors) -> None:
    reused = supervisors.reused(options="mode=777,size=1m")
    check = {"command": ["bash", "-c", "echo 'x: error: no'; exit 1"]}
    found: dict[str, Any] = reused.bash(f"{FILL}; exit 1", syntax_check=check).exit
    assert (found["disk_full"], found["syntax_error"]) == (False, "x: error: no")


def test_a_file_that_exceeds_the_disk_limit_ends_the_program_for_its_disk(
    supervisors: Supervisors,
) -> None:
    rlimits = {"nproc": 256, "nofile": 1024, "fsize": 1000, "core": 0, "stack": 8388608}
    found = supervisors.bash("exec head -c 2000 /dev/zero > big", limits={"rlimits": rlimits}).exit
    assert (found["disk_full"], found["signal"]) == (True, signal.SIGXFSZ)
