"""The node's resources, which must be the same before and after an attack."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from support.clients.api_server import CLOCHE, CORE
from support.clients.installation_api import STATE, InstallationApi, restarts
from support.clients.node_processes import of_component
from support.data.names import SANDBOXES, SYSTEM
from support.deadline import until

from cloche_api.meta import STATE_WAITING

_MIB = 1024 * 1024
_CGROUPS = Path("/sys/fs/cgroup")
_PLACES = (Path("/var/lib/cloche"), Path("/run/cloche"), Path("/var/log/cloche/pods"))
_SOCKET = "/run/cloche/containerd/containerd.sock"
_PASSED_OVER = (
    "etcd",
    "io.containerd.metadata.v1.bolt",
    "io.containerd.content.v1.content",
    "snapshots",
)
"""Directories that grow with stored executions and images, and not with Pods."""
_QUIET_SECONDS = 180.0
_DISK_SLACK_MIB = 4
"""Growth of the databases of the kubelet and containerd, which grow in pages."""


@dataclass(frozen=True)
class Holdings:
    """Counts, taken with full pools and nothing else running."""

    sandboxes: int
    """Pods."""
    restarts: int
    """Restarts of the containers of gateway, operator and DNS."""
    pressures: int
    """Node conditions that report a problem."""
    mounts: int
    cgroups: int
    processes: int
    """Processes in the cluster's cgroups, without threads."""
    interfaces: int
    layers: int
    """Writable layers of containers, without the images' own."""
    disk_mib: int
    """Disk usage outside the layers."""

    def grown(self, before: Holdings) -> dict[str, str]:
        """Return what has grown beyond its allowance."""
        may = {"disk_mib": _DISK_SLACK_MIB}
        old = asdict(before)
        return {
            name: f"{old[name]} before, {value} after"
            for name, value in asdict(self).items()
            if value > old[name] + may.get(name, 0)
        }


def settled(cluster: InstallationApi, before: Holdings) -> dict[str, str]:
    """Return what has grown and stays so after containerd's delayed clean-up."""

    def look() -> dict[str, str] | None:
        grown.clear()
        grown.update(holdings(cluster).grown(before))
        return None if grown else {"": "nothing"}

    grown: dict[str, str] = {}
    with suppress(AssertionError):
        until(look, "the node to be as before", _QUIET_SECONDS)
    return grown


def holdings(cluster: InstallationApi) -> Holdings:
    """Count, once every pool is full and there are no other sandboxes."""
    try:
        until(lambda: not _unrest(cluster), "the cluster to be quiet", _QUIET_SECONDS)
    except AssertionError as error:
        error.add_note(f"not quiet: {_unrest(cluster)}")
        raise
    nodes = cluster.api.get("/api/v1/nodes")["items"]
    return Holdings(
        sandboxes=len(cluster.sandboxes()),
        restarts=system_restarts(cluster),
        pressures=sum(_complains(one) for node in nodes for one in node["status"]["conditions"]),
        mounts=len(Path(f"/proc/{of_component('kubelet')}/mountinfo").read_text().splitlines()),
        cgroups=len(groups := list(_groups())),
        processes=len({pid for group in groups for pid in _processes(group)}),
        interfaces=sum(1 for _ in Path("/sys/class/net").iterdir()),
        layers=_active_layers(),
        disk_mib=sum(_size(place) for place in _PLACES) // _MIB,
    )


def system_restarts(cluster: InstallationApi) -> int:
    """Return the number of restarts of the containers of gateway, operator and DNS."""
    return sum(
        restarts(pod)
        for namespace in (SYSTEM, "kube-system")
        for pod in cluster.api.get(f"{CORE}/{namespace}/pods")["items"]
    )


def _active_layers() -> int:
    containerd = Path(f"/proc/{of_component('containerd')}/exe").readlink()
    command = [str(containerd.with_name("ctr")), "-a", _SOCKET, "-n", "k8s.io", "snapshots", "ls"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return sum(line.split()[-1] == "Active" for line in output.splitlines())


def _unrest(cluster: InstallationApi) -> dict[str, str]:
    """Return the pools that are not full and the Pods that do not wait, each with its state."""
    runtimes = cluster.api.get(f"{CLOCHE}/{SANDBOXES}/sandboxruntimes")["items"]
    found = {}
    for runtime in runtimes:
        ready, wanted = runtime.get("status", {}).get("ready") or 0, runtime["spec"]["pool"]["size"]
        if ready != wanted:
            found[runtime["metadata"]["name"]] = f"{ready} of {wanted} Pods wait"
    for pod in (pods := cluster.sandboxes()):
        state = pod["metadata"]["labels"].get(STATE)
        if state != STATE_WAITING or "deletionTimestamp" in pod["metadata"]:
            found[pod["metadata"]["name"]] = f"{state}, {pod['status'].get('phase')}"
    wanted = sum(runtime["spec"]["pool"]["size"] for runtime in runtimes)
    if len(pods) != wanted and not found:
        found["Pods"] = f"{len(pods)} instead of {wanted}"
    return found


def _complains(condition: dict[str, Any]) -> bool:
    good = "True" if condition["type"] == "Ready" else "False"
    return str(condition["status"]) != good


def _groups() -> Iterator[Path]:
    """Yield the cluster's cgroups of every hierarchy."""
    for top, names, _ in os.walk(_CGROUPS):
        if "cloche" in Path(top).parts:
            yield Path(top)
        elif len(Path(top).parts) > len(_CGROUPS.parts) + 1:
            names.clear()


def _processes(group: Path) -> list[str]:
    try:
        return (group / "cgroup.procs").read_text().split()
    except OSError:  # it has just been removed
        return []


def _size(place: Path) -> int:
    """Return the bytes on disk, without other file systems mounted below."""
    device, total = place.stat().st_dev, 0
    for top, names, files in os.walk(place):
        names[:] = [
            name
            for name in names
            if name not in _PASSED_OVER
            and (there := _look(Path(top, name)))
            and there.st_dev == device
        ]
        found = (_look(Path(top, name)) for name in files)
        total += sum(512 * one.st_blocks for one in found if one)
    return total


def _look(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except OSError:  # it has just been removed
        return None
