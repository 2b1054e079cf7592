"""Facts that are judged problems, warnings or OK."""

from __future__ import annotations

import dataclasses
import os
import stat
from pathlib import Path

import pytest

from cloche_cluster.doctor import checks
from cloche_cluster.doctor.facts import Host, Memory, read_host, read_memory
from cloche_cluster.doctor.findings import (
    Finding,
    Level,
    Section,
    ok,
    problem,
    problems,
    require_no_problem,
    table,
    warning,
)
from cloche_cluster.doctor.kernel import Kernel, controllers
from cloche_cluster.doctor.neighbours import Neighbours, named
from cloche_cluster.embedded.node.cgroups import CgroupMounts, is_below
from cloche_cluster.embedded.settings import Addresses
from cloche_cluster.errors import ClusterError
from cloche_cluster.machine.processes import Process

GIB = 1024**3
HOST = Host(
    system="Linux",
    root=True,
    architecture="x86_64",
    python=(3, 12),
    null_mode=stat.S_IFCHR | 0o666,
    null_number=(1, 3),
)
KERNEL = Kernel(controllers=checks.CONTROLLERS)


def grave(findings: list[Finding]) -> list[tuple[Level, str]]:
    return [(one.level, one.subject) for one in findings if one.level is not Level.OK]


@pytest.mark.parametrize(
    ("changed", "subject", "words"),
    [
        ({"architecture": "riscv64"}, "architecture", "x86_64 or aarch64"),
        ({"python": (3, 10)}, "Python", "3.10 is too old, 3.11 is required"),
        ({"null_mode": None, "null_number": None}, "/dev/null", "mknod -m 666 /dev/null c 1 3"),
        ({"null_mode": stat.S_IFREG | 0o644, "null_number": None}, "/dev/null", "not a device"),
        ({"null_number": (1, 5)}, "/dev/null", "mknod -m 666 /dev/null c 1 3"),
        ({"null_mode": stat.S_IFCHR | 0o600}, "/dev/null", "chmod 666 /dev/null"),
    ],
)
def test_a_machine_unfit_for_any_cluster_is_a_problem(
    changed: dict[str, object], subject: str, words: str
) -> None:
    found = checks.host(dataclasses.replace(HOST, **changed))  # type: ignore[arg-type]
    assert grave(found) == [(Level.PROBLEM, subject)]
    assert words in next(one.text for one in found if one.level is Level.PROBLEM)


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64", "arm64"])
def test_a_suitable_machine_has_no_problem(architecture: str) -> None:
    assert not grave(checks.host(dataclasses.replace(HOST, architecture=architecture)))
    assert checks.system(HOST).level is Level.OK


@pytest.mark.parametrize("changed", [{"system": "Darwin"}, {"root": False}])
def test_the_embedded_cluster_needs_linux_and_root(changed: dict[str, object]) -> None:
    found = checks.system(dataclasses.replace(HOST, **changed))  # type: ignore[arg-type]
    assert found.level is Level.PROBLEM
    assert "sudo make up" in found.text


@pytest.mark.parametrize(
    ("total", "free", "running", "builds", "level"),
    [
        (16, 12, False, True, Level.OK),
        (3, 2.9, False, False, Level.PROBLEM),
        (3, 0.5, True, False, Level.PROBLEM),
        (4, 3.5, False, True, Level.WARNING),
        (16, 2.5, False, True, Level.PROBLEM),
        (16, 2.5, False, False, Level.OK),
        (16, 1, False, False, Level.PROBLEM),
        (16, 1, True, True, Level.OK),
    ],
)
def test_free_and_total_memory_are_judged_by_what_runs_and_what_is_built(
    *, total: float, free: float, running: bool, builds: bool, level: Level
) -> None:
    facts = Memory(int(total * GIB), int(free * GIB))
    assert checks.memory(facts, running=running, builds=builds).level is level


@pytest.mark.parametrize(
    ("changed", "level", "subject", "words"),
    [
        ({"lacking_capabilities": ("CAP_SYS_ADMIN",)}, "problem", "capabilities", "CAP_SYS_ADMIN"),
        (
            {"lacking_capabilities": ("CAP_SYS_ADMIN",), "namespaces": "x", "overlay": "y"},
            "problem",
            "capabilities",
            "privileged container",
        ),
        ({"nftables": False}, "problem", "nftables", "modprobe nf_tables"),
        ({"namespaces": "Operation not permitted"}, "problem", "namespaces", "not permitted"),
        ({"user_namespaces": False}, "warning", "user namespaces", "max_user_namespaces"),
        ({"overlay": "wrong fs type"}, "problem", "overlayfs", "wrong fs type"),
        (
            {"controllers": frozenset({"cpu", "cpuset"})},
            "problem",
            "control groups",
            "memory, pids",
        ),
        ({"cgroups_writable": False}, "problem", "control groups", "not writable"),
    ],
)
def test_a_missing_kernel_feature_is_a_problem_or_a_warning(
    changed: dict[str, object], level: str, subject: str, words: str
) -> None:
    found = checks.kernel(dataclasses.replace(KERNEL, **changed))  # type: ignore[arg-type]
    assert grave(found) == [(Level(level), subject)]
    assert words in next(one.text for one in found if one.level is not Level.OK)
    assert not grave(checks.kernel(KERNEL))


@pytest.mark.parametrize(
    ("neighbours", "expected", "words"),
    [
        (
            Neighbours(ports=("port 16643 (api) is in use by x: stop it",)),
            ("problem", "ports"),
            "x",
        ),
        (Neighbours(local_port="process 7 (nc)"), ("warning", "ports"), "10.99.0.1:30802"),
        (Neighbours(sockets=("process 7 listens on /run/x",)), ("problem", "sockets"), "stop it"),
        (Neighbours(network="10.96.0.0/12 overlaps"), ("problem", "network"), "10.96.0.0/12"),
        (Neighbours(proxy_tables=True), ("problem", "kube-proxy"), "CLUSTER=current"),
        (Neighbours(proxies=(7, 8)), ("warning", "kube-proxy"), "process 7, 8"),
    ],
)
def test_a_conflicting_port_socket_network_or_proxy_is_reported(
    neighbours: Neighbours, expected: tuple[str, str], words: str
) -> None:
    found = checks.neighbours(neighbours, Addresses())
    assert grave(found) == [(Level(expected[0]), expected[1])]
    assert words in next(one.text for one in found if one.level is not Level.OK)


def test_another_containerd_is_reported_but_no_problem() -> None:
    found = checks.neighbours(Neighbours(containerds=(7,)), Addresses())
    assert not grave(found)
    assert "process 7" in next(one.text for one in found if one.subject == "containerd")


def test_another_process_is_identified_by_its_executable() -> None:
    processes = [
        Process(1, "/usr/bin/kube-proxy", ("kube-proxy",)),
        Process(2, "/usr/bin/vi", ("vi", "kube-proxy")),
    ]
    assert named(processes, ("kube-proxy",)) == [1]


def test_a_process_of_the_cluster_is_identified_by_its_cgroup() -> None:
    assert is_below("8:pids:/cloche/daemons\n1:name=systemd:/\n")
    assert is_below("0::/docker/abc/cloche/kubepods/pod1\n")
    assert is_below("0::/cloche\n")
    assert not is_below("0::/cloche-else/x\n")


def test_the_controllers_of_both_cgroup_versions_are_read(tmp_path: Path) -> None:
    first = CgroupMounts((Path("/sys/fs/cgroup/cpu,cpuacct"), Path("/sys/fs/cgroup/pids")), None)
    assert controllers(first) == {"cpu", "cpuacct", "pids"}
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    assert controllers(CgroupMounts((), tmp_path)) == {"cpu", "memory", "pids"}
    assert controllers(CgroupMounts((), None)) == frozenset()


def test_the_facts_of_this_machine_are_read(tmp_path: Path) -> None:
    assert read_host() == dataclasses.replace(
        read_host(), system=os.uname().sysname, root=os.geteuid() == 0, null_number=(1, 3)
    )
    (tmp_path / "null").touch()
    assert read_host(tmp_path / "null").null_number is None
    assert read_host(tmp_path / "absent").null_mode is None
    memory = read_memory()
    assert 0 < memory.available < memory.total


SECTIONS = [Section("machine", (ok("Go", "1.26"), problem("disk", "full: free some")))]


def test_each_finding_is_printed_on_a_line_with_its_level() -> None:
    assert table(SECTIONS) == [
        "machine:",
        "  ok       Go: 1.26",
        "  problem  disk: full: free some",
    ]


def test_a_single_problem_is_a_one_line_error() -> None:
    with pytest.raises(ClusterError, match=r"^disk: full: free some$"):
        require_no_problem(SECTIONS)


def test_all_problems_are_in_one_error_without_warnings() -> None:
    more = Section("kernel", (warning("memory", "little"), problem("nftables", "none: load it")))
    with pytest.raises(ClusterError) as words:
        require_no_problem([*SECTIONS, more])
    assert str(words.value) == (
        "2 problems must be fixed first:\n    disk: full: free some\n    nftables: none: load it"
    )
    assert len(problems([*SECTIONS, more])) == 2


def test_warnings_do_not_raise_an_error() -> None:
    require_no_problem([Section("machine", (warning("memory", "little"), ok("Go", "1.26")))])
