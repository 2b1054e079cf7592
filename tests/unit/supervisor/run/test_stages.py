"""What the compiler uses and what the program uses are measured and limited apart."""

from __future__ import annotations

from typing import Any

import pytest
from support.fixtures.supervisor import PYTHON, Supervisors

from cloche_supervisor.system.cgroup import Cgroup, Meter

MIB = 1024 * 1024
_BUSY = "import time\nwhile time.process_time() < 0.4: pass"
_LARGE = "x = b'x' * (80 * 1024 * 1024)"


def _compiler(code: str, seconds: float = 20.0) -> dict[str, Any]:
    return {"command": [PYTHON, "-I", "-S", "-c", code], "timeout_seconds": seconds}


def test_the_cpu_time_of_the_compiler_is_not_that_of_the_program(supervisors: Supervisors) -> None:
    found = supervisors.run(["true"], compile=_compiler(_BUSY)).exit
    assert found["compile_cpu_seconds"] >= 0.4
    assert 0 < found["cpu_seconds"] < 0.2
    found = supervisors.python(_BUSY, compile=_compiler("pass")).exit
    assert found["compile_cpu_seconds"] < 0.3
    assert found["cpu_seconds"] >= 0.4


def test_the_memory_of_the_compiler_is_not_that_of_the_program(supervisors: Supervisors) -> None:
    found = supervisors.run(["true"], compile=_compiler(_LARGE)).exit
    assert found["compile_max_memory_bytes"] > 80 * MIB
    assert 100_000 < found["max_memory_bytes"] < 40 * MIB


def test_a_program_in_a_reused_pod_has_only_its_own_memory(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    assert reused.python(_LARGE).exit["max_memory_bytes"] > 80 * MIB
    assert reused.run(["true"]).exit["max_memory_bytes"] < 40 * MIB


def test_a_program_that_never_ran_has_used_nothing(supervisors: Supervisors) -> None:
    found = supervisors.run(["true"], compile=_compiler("raise SystemExit(1)")).exit
    assert (found["cpu_seconds"], found["max_memory_bytes"]) == (0, 0)
    assert found["compile_cpu_seconds"] > 0
    assert found["compile_max_memory_bytes"] > 100_000


def test_a_program_without_a_compiler_has_no_usage_of_one(supervisors: Supervisors) -> None:
    found = supervisors.run(["true"]).exit
    assert found["compile_cpu_seconds"] is None
    assert found["compile_max_memory_bytes"] is None


class _Peaks(Cgroup):
    """A control group whose peak is set by the test."""

    peak: int | None = None

    def peak_bytes(self) -> int | None:
        return self.peak


class _Processes:
    largest_bytes = 0

    def waiting_cpu_seconds(self) -> float:
        return 0.0


@pytest.mark.parametrize(
    ("peaks", "largest", "used"),
    [
        ((10, 250, 250), (200, 9), (250, 9)),  # the program stays below the compiler
        ((10, 250, 300), (200, 150), (250, 300)),  # it exceeds the compiler, in several processes
        ((300, 300, 300), (200, 9), (200, 9)),  # an earlier execution used more
        ((None, None, None), (200, 9), (200, 9)),  # the kernel reports no peak
    ],
)
def test_the_peak_of_a_stage_is_the_containers_only_if_the_stage_reached_it(
    peaks: tuple[int | None, ...], largest: tuple[int, ...], used: tuple[int, ...]
) -> None:
    cgroup, processes = _Peaks(), _Processes()
    cgroup.peak = peaks[0]
    meter = Meter(cgroup, processes)  # type: ignore[arg-type]
    for peak, process, expected in zip(peaks[1:], largest, used, strict=True):
        cgroup.peak, processes.largest_bytes = peak, process
        assert meter.read().memory_bytes == expected


def test_the_program_has_its_own_time_limit(supervisors: Supervisors) -> None:
    result = supervisors.run(
        ["sleep", "60"],
        compile={"command": ["sleep", "0.6"], "timeout_seconds": 10.0},
        run={"command": ["sleep", "60"], "timeout_seconds": 0.3},
    )
    assert (result.stages, result.exit["timed_out"]) == (["compile", "run"], True)
    assert result.exit["compile_seconds"] >= 0.6
    assert 0 < result.exit["execution_seconds"] < 60


def test_the_time_limit_of_the_program_does_not_count_the_compiler(
    supervisors: Supervisors,
) -> None:
    result = supervisors.run(
        ["true"],
        compile={"command": ["sleep", "0.6"], "timeout_seconds": 10.0},
        run={"command": ["true"], "timeout_seconds": 0.5},
    )
    assert (result.exit["timed_out"], result.exit["exit_code"]) == (False, 0)


def test_the_limit_of_the_whole_execution_holds_for_the_program(supervisors: Supervisors) -> None:
    run = {"command": ["sleep", "60"], "timeout_seconds": 30.0}
    found = supervisors.run(["sleep", "60"], run=run, timeout_seconds=0.4).exit
    assert found["timed_out"] is True
    assert found["execution_seconds"] < 5


def test_the_syntax_check_ends_at_the_time_limit_of_the_program(supervisors: Supervisors) -> None:
    result = supervisors.run(
        ["false"],
        run={"command": ["false"], "timeout_seconds": 0.5},
        syntax_check={"command": ["sleep", "60"]},
    )
    assert result.exit["check_seconds"] < 1.5
    assert result.exit["timed_out"] is False
