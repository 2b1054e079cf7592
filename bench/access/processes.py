"""Processes of Pods as seen from the node, if this machine is the node."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_PROC = Path("/proc")
_TICK = os.sysconf("SC_CLK_TCK")
_CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Inside:
    """A Pod's processes."""

    supervisor: int
    """Process id of its container's first process."""
    cgroup: Path
    """The Pod's cgroup, which accounts for the memory of all its containers."""
    cpu: Path
    """Its cgroup that accounts for their processor time."""


def of_pod(uid: str) -> Inside | None:
    """Return a Pod's processes, except its pause container; None if it runs elsewhere."""
    # The systemd driver writes a uid with underscores.
    names = (f"pod{uid}", f"pod{uid.replace('-', '_')}.slice")
    for process in sorted(_PROC.glob("[0-9]*"), key=lambda path: int(path.name)):
        try:
            line = next((line for line in _lines(process / "cgroup") if uid_in(line, names)), None)
            if line is None or b"pause" in (process / "cmdline").read_bytes().split(b"\0")[0]:
                continue
        except OSError:
            continue  # it has ended
        groups = (_pod_group(process, names, kind) for kind in ("memory", "cpuacct"))
        return Inside(int(process.name), *groups)
    return None


def uid_in(line: str, names: tuple[str, ...]) -> bool:
    """Return whether a line of /proc/PID/cgroup is in one of these cgroups."""
    return any(part.endswith(names) for part in line.split("/"))


def anonymous_bytes(inside: Inside) -> int:
    """Return the anonymous memory of a Pod, which cannot be reclaimed by dropping file pages."""
    values = dict(line.split() for line in _lines(inside.cgroup / "memory.stat"))
    return int(values.get("anon") or values["total_rss"])  # cgroup v2, v1


def resident_bytes(pid: int) -> int:
    """Return the resident set size of a process."""
    line = next(line for line in _lines(_PROC / str(pid) / "status") if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def group_cpu_seconds(group: Path) -> float:
    """Return the CPU time of a cgroup so far, including cgroups below it that are gone."""
    if (usage := group / "cpuacct.usage").exists():
        return int(usage.read_text()) / 1e9
    values = dict(line.split() for line in _lines(group / "cpu.stat"))
    return int(values["usage_usec"]) / 1e6


def all_pods(inside: Inside) -> Path:
    """Return the cgroup of all Pods of the node, for processor time."""
    groups = [one for one in inside.cpu.parents if one.name.startswith("kubepods")]
    return groups[-1]


def by_program(names: Iterable[str]) -> dict[str, float]:
    """Return the CPU time so far of the processes of these programs and of their ended children."""
    found = dict.fromkeys(names, 0.0)
    for process in _PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            program = (process / "cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
            if (name := program.rpartition("/")[2]) in found:
                found[name] += sum(map(int, _stat(int(process.name))[11:15])) / _TICK
    return found


def machine_cpu_seconds() -> float:
    """Return the CPU time of everything on this machine so far."""
    fields = [int(field) for field in _lines(_PROC / "stat")[0].split()[1:8]]
    user, nice, system, _idle, _wait, irq, softirq = fields
    return (user + nice + system + irq + softirq) / _TICK


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process so far."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / _TICK


def parent(pid: int) -> int:
    """Return the parent of a process; for a container, this is its shim."""
    return int(_stat(pid)[1])


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third on (proc(5))."""
    return (_PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()


def _pod_group(process: Path, names: tuple[str, ...], kind: str) -> Path:
    """Return the Pod's cgroup in the hierarchy of a controller, or in the unified one."""
    lines = [line.split(":", 2) for line in _lines(process / "cgroup")]
    path = next((path for _, kinds, path in lines if kind in kinds.split(",")), None)
    root = _CGROUPS / kind
    if path is None:
        path, root = next(path for number, _, path in lines if number == "0"), _CGROUPS
    parts = path.strip("/").split("/")
    last = next(i for i, part in enumerate(parts) if part.endswith(names))
    return root.joinpath(*parts[: last + 1])


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines()
