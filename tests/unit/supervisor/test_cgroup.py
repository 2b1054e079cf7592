"""What the kernel counts for a program's cgroup, and what it proves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloche_supervisor.run.program import Ended
from cloche_supervisor.system.cgroup import Cgroup

if TYPE_CHECKING:
    from pathlib import Path


def _tree(root: Path, table: str, files: dict[str, str]) -> Cgroup:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    (root / "table").write_text(table, encoding="utf-8")
    return Cgroup(str(root), str(root / "table"))


_V2 = "low 0\nhigh 0\nmax 31\noom 2\noom_kill 3\noom_group_kill 0\n"
_V1 = "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n"


def test_the_memory_counters_of_cgroup_v2_are_read(tmp_path: Path) -> None:
    cgroup = _tree(tmp_path, "0::/\n", {"memory.events": _V2, "memory.peak": "12345\n"})
    assert (cgroup.oom_kills(), cgroup.peak_bytes()) == (3, 12345)


def test_a_cgroup_v2_without_memory_peak_has_none(tmp_path: Path) -> None:
    cgroup = _tree(tmp_path, "0::/a/b\n", {"a/b/memory.events": _V2})
    assert (cgroup.oom_kills(), cgroup.peak_bytes()) == (3, None)


@pytest.mark.parametrize("place", ["memory", "memory/kubepods/pod1/c1"])
def test_the_memory_counters_of_cgroup_v1_are_read_on_node_and_in_container(
    tmp_path: Path, place: str
) -> None:
    table = "9:name=systemd:/x\n4:memory:/kubepods/pod1/c1\n0::/\n"
    files = {f"{place}/memory.oom_control": _V1, f"{place}/memory.max_usage_in_bytes": "77\n"}
    cgroup = _tree(tmp_path, table, files)
    assert (cgroup.oom_kills(), cgroup.peak_bytes()) == (4, 77)


def test_a_missing_cgroup_counts_no_oom_kills(tmp_path: Path) -> None:
    cgroup = Cgroup(str(tmp_path), str(tmp_path / "none"))
    assert (cgroup.oom_kills(), cgroup.peak_bytes()) == (0, None)


@pytest.mark.parametrize(
    ("status", "timed_out", "oom_killed", "out_of_memory"),
    [
        (9, False, True, True),
        (9, False, False, False),  # killed by itself or another process
        (9, True, True, False),  # killed by the supervisor at the deadline
        (137 << 8, False, True, True),  # a shell that reports its child's end
        (137 << 8, False, False, False),
        (1 << 8, False, True, True),  # it lost a child and failed
        (0, False, True, False),  # it lost a child and continued
        (11, False, True, True),
        (1 << 8, False, False, False),
    ],
)
def test_an_end_counts_as_out_of_memory_only_after_an_oom_kill(
    *, status: int, timed_out: bool, oom_killed: bool, out_of_memory: bool
) -> None:
    ended = Ended(status, seconds=1, timed_out=timed_out, oom_killed=oom_killed)
    assert ended.out_of_memory is out_of_memory
