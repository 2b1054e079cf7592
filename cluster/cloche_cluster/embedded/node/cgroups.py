"""The cgroup of all the cluster's processes, on cgroup v1, hybrid and v2."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cloche_cluster.embedded.settings import CGROUP
from cloche_cluster.errors import ClusterError

CONTROLLERS = ("cpu", "cpuset", "io", "memory", "pids", "hugetlb")
"""Controllers for Pods on cgroup v2, if the kernel has them."""

RESERVED_PIDS = 2000
"""Processes and threads reserved for the machine and the cluster's programs, which use about
300."""

_DAEMONS = "daemons"
_PODS = "kubepods"  # the kubelet's name for it
_SHARES = 1024
"""cpu.shares of one CPU. The kubelet gives the cgroup of all Pods this number for each CPU. Here
that cgroup is below ours, which would default to the share of one CPU; on other machines it is at
the top level, next to the daemons' cgroups."""


@dataclass(frozen=True)
class CgroupMounts:
    """The mount points of the hierarchies; cgroup v1 has one for each controller."""

    v1: tuple[Path, ...]
    v2: Path | None

    @property
    def all(self) -> tuple[Path, ...]:
        """Every mounted hierarchy."""
        return (*self.v1, self.v2) if self.v2 else self.v1

    @property
    def hidden(self) -> tuple[Path, ...]:
        """What the cluster's programs must not see: version 2 next to version 1.

        No controller is there, and crun refuses a machine with both.
        """
        return (self.v2,) if self.v1 and self.v2 else ()


def parse_mounts(mounts: str) -> CgroupMounts:
    """Parse the hierarchies from the text of /proc/mounts."""
    rows = [line.split() for line in mounts.splitlines()]
    v1 = tuple(dict.fromkeys(Path(row[1]) for row in rows if row[2] == "cgroup"))
    v2 = next((Path(row[1]) for row in rows if row[2] == "cgroup2"), None)
    return CgroupMounts(v1, v2)


def read_mounts() -> CgroupMounts:
    """Read the hierarchies of this machine."""
    return parse_mounts(Path("/proc/mounts").read_text())


def prepare(mounts: CgroupMounts) -> Path:
    """Create the cluster's cgroups and return the `cgroup.procs` for its programs.

    In cgroup v2 a cgroup with processes cannot delegate controllers, so the programs get a leaf.
    Raises ClusterError if the hierarchies are read-only (an unprivileged container).
    """
    try:
        if mounts.v1:
            return _prepare_v1(mounts.v1)
        if mounts.v2:
            return _prepare_v2(mounts.v2)
    except OSError as error:
        raise ClusterError(f"the control groups cannot be set up: {error}") from error
    raise ClusterError("no control groups are mounted: mount them (systemd does)")


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
        raise ClusterError("the control groups have no `pids` hierarchy, which Kubernetes requires")
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
    """Reserve RESERVED_PIDS for the machine; all Pods together get the rest.

    On cgroup v2 the kubelet does this. On v1 it is configured not to enforce limits, and sets the
    maximum for the Pods' cgroup.
    """
    most = min(int((system / name).read_text()) for name in ("pid_max", "threads-max"))
    for hierarchy in mounts.v1:
        limit = hierarchy / CGROUP / _PODS / "pids.max"
        if limit.exists():
            limit.write_text(str(most - RESERVED_PIDS))


def members(mounts: CgroupMounts) -> set[int]:
    """Return the ids of all processes in the cluster's cgroups."""
    found: set[int] = set()
    for hierarchy in mounts.all:
        for procs in _walk(hierarchy / CGROUP):
            found.update(_pids(procs / "cgroup.procs"))
    return found


def is_below(memberships: str, group: str = CGROUP) -> bool:
    """Return whether a /proc/PID/cgroup text places the process in the cluster's cgroup."""
    paths = (line.split(":", maxsplit=2)[-1] for line in memberships.splitlines())
    return any(f"/{group}/" in f"{path}/" for path in paths)


def remove(mounts: CgroupMounts) -> int:
    """Remove the cluster's cgroups, children first, and return their number. Those in use stay."""
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
    """Return `top` and the cgroups below it, parents first; empty if `top` does not exist."""
    return [Path(directory) for directory, _, _ in os.walk(top)]


def _pids(procs: Path) -> list[int]:
    try:
        return [int(line) for line in procs.read_text().split()]
    except OSError:  # the cgroup was removed meanwhile, or is threaded
        return []
