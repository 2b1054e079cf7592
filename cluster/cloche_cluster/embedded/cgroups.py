"""The control group below which everything of the cluster runs, on version 1, hybrid and 2."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cloche_cluster.embedded.settings import CGROUP
from cloche_cluster.errors import ClusterError

CONTROLLERS = ("cpu", "cpuset", "io", "memory", "pids", "hugetlb")
"""What Pods are given on version 2, where the kernel has it."""

RESERVED_PIDS = 2000
"""Processes and threads that are left to the machine and the cluster's programs, which have some
300."""

_DAEMONS = "daemons"
_PODS = "kubepods"  # the kubelet's name for it
_SHARES = 1024
"""cpu.shares of a processor. The kubelet gives the group of all Pods so many, but below ours, which
would have those of one: on other machines that group is at the top, beside the daemons'."""


@dataclass(frozen=True)
class CgroupMounts:
    """Where the hierarchies are mounted; version 1 has one a controller."""

    v1: tuple[Path, ...]
    v2: Path | None

    @property
    def all(self) -> tuple[Path, ...]:
        """Every mounted hierarchy."""
        return (*self.v1, self.v2) if self.v2 else self.v1


def parse_mounts(mounts: str) -> CgroupMounts:
    """Read the hierarchies from the text of /proc/mounts."""
    rows = [line.split() for line in mounts.splitlines()]
    v1 = tuple(dict.fromkeys(Path(row[1]) for row in rows if row[2] == "cgroup"))
    v2 = next((Path(row[1]) for row in rows if row[2] == "cgroup2"), None)
    return CgroupMounts(v1, v2)


def read_mounts() -> CgroupMounts:
    """Read the hierarchies of this machine."""
    return parse_mounts(Path("/proc/mounts").read_text())


def prepare(mounts: CgroupMounts) -> Path:
    """Make the cluster's groups and return the `cgroup.procs` that its programs enter.

    On version 2 a group with processes cannot hand controllers on: the programs have a leaf.
    Raises ClusterError when the hierarchies cannot be written (an unprivileged container).
    """
    try:
        if mounts.v1:
            return _prepare_v1(mounts.v1)
        if mounts.v2:
            return _prepare_v2(mounts.v2)
    except OSError as error:
        raise ClusterError(f"the control groups cannot be set up: {error}") from error
    raise ClusterError("no control groups are mounted")


def _prepare_v1(hierarchies: tuple[Path, ...]) -> Path:
    for hierarchy in hierarchies:
        group = hierarchy / CGROUP
        group.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            if (group / name).exists() and not (group / name).read_text().strip():
                (group / name).write_text((hierarchy / name).read_text())
        if (shares := group / "cpu.shares").exists():
            shares.write_text(str(_SHARES * (os.cpu_count() or 1)))
    pids = next((one for one in hierarchies if one.name == "pids"), None)
    if pids is None:
        raise ClusterError("the control groups have no `pids` hierarchy, which Kubernetes needs")
    leaf = pids / CGROUP / _DAEMONS
    leaf.mkdir(exist_ok=True)
    return leaf / "cgroup.procs"


def _prepare_v2(root: Path) -> Path:
    group = root / CGROUP
    leaf = group / _DAEMONS
    leaf.mkdir(parents=True, exist_ok=True)
    there = (root / "cgroup.controllers").read_text().split()
    wanted = " ".join(f"+{name}" for name in CONTROLLERS if name in there)
    for parent in (root, group):
        (parent / "cgroup.subtree_control").write_text(wanted)
    return leaf / "cgroup.procs"


def reserve_processes(mounts: CgroupMounts, system: Path = Path("/proc/sys/kernel")) -> None:
    """Leave RESERVED_PIDS to the machine: all Pods together get the others.

    On version 2 the kubelet does so; on version 1 it is told to leave the groups' limits alone, and
    gives the Pods' group as many processes as there can be.
    """
    most = min(int((system / name).read_text()) for name in ("pid_max", "threads-max"))
    for hierarchy in mounts.v1:
        limit = hierarchy / CGROUP / _PODS / "pids.max"
        if limit.exists():
            limit.write_text(str(most - RESERVED_PIDS))


def members(mounts: CgroupMounts) -> set[int]:
    """Return the ids of all processes below the cluster's groups."""
    found: set[int] = set()
    for hierarchy in mounts.all:
        for procs in _walk(hierarchy / CGROUP):
            found.update(_pids(procs / "cgroup.procs"))
    return found


def is_below(memberships: str, group: str = CGROUP) -> bool:
    """Say whether a /proc/PID/cgroup text has a process below the cluster's group."""
    paths = (line.split(":", maxsplit=2)[-1] for line in memberships.splitlines())
    return any(f"/{group}/" in f"{path}/" for path in paths)


def remove(mounts: CgroupMounts) -> int:
    """Remove the cluster's groups, children first; return how many. Groups in use stay."""
    removed = 0
    for hierarchy in mounts.all:
        for directory in reversed(_walk(hierarchy / CGROUP)):
            try:
                directory.rmdir()
                removed += 1
            except OSError:
                continue
    return removed


def _walk(top: Path) -> list[Path]:
    """Return `top` and the groups below it, parents first; nothing where there is none."""
    return [Path(directory) for directory, _, _ in os.walk(top)]


def _pids(procs: Path) -> list[int]:
    try:
        return [int(line) for line in procs.read_text().split()]
    except OSError:  # the group went away meanwhile, or is a threaded one
        return []
