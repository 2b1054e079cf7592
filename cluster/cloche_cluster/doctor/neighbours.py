"""Find other programs on this machine that may conflict with the embedded cluster."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.embedded import ports, sweep
from cloche_cluster.embedded.node import cgroups, network
from cloche_cluster.embedded.settings import GATEWAY_LOCAL_PORT
from cloche_cluster.machine.processes import describe, read_processes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from cloche_cluster.embedded.settings import Embedded
    from cloche_cluster.machine.processes import Process

PROXIES = ("kube-proxy", "k3s")
"""Programs that write a cluster's Services into the machine's packet filter."""


@dataclass(frozen=True)
class Neighbours:
    """Other programs, without the embedded cluster's own processes.

    `running` is whether the embedded cluster runs. `ports` are sentences about its ports that other
    processes use; `local_port` describes the process that uses the gateway's port on localhost.
    `sockets` describe processes that listen below its directory. `proxies` and `containerds` are
    process ids. `proxy_tables` is whether another kube-proxy uses nftables.
    """

    running: bool = False
    ports: tuple[str, ...] = ()
    local_port: str | None = None
    sockets: tuple[str, ...] = ()
    network: str | None = None
    proxies: tuple[int, ...] = ()
    proxy_tables: bool = False
    containerds: tuple[int, ...] = ()


def read_neighbours(cluster: Embedded) -> Neighbours:
    """Read the machine's processes, sockets, routes and packet filter."""
    numbers = [*dataclasses.asdict(cluster.ports).values(), GATEWAY_LOCAL_PORT]
    held = ports.holders(numbers)
    # Listed after the ports, so that every holder of a port is in the list.
    processes = read_processes()
    in_cgroup = {one.pid for one in processes if _is_in_cgroup(one.pid)}
    own = set(sweep.own_processes(processes, cluster.layout, in_cgroup))
    others = [one for one in processes if one.pid not in own]
    foreign = ports.foreign(held, own)
    running = _supervisor(cluster) in own
    sockets = {} if running else ports.socket_holders(cluster.layout.run)
    recorded = cluster.layout.sysctls.exists()
    return Neighbours(
        running=running,
        ports=tuple(ports.taken(cluster.ports, foreign)),
        local_port=foreign.get(GATEWAY_LOCAL_PORT),
        sockets=tuple(
            f"{describe(pid)} listens on {path}" for path, pid in sockets.items() if pid not in own
        ),
        network=network.overlap(cluster.addresses),
        proxies=tuple(one for one in named(others, PROXIES) if _shares_our_network(one)),
        proxy_tables=not recorded and network.has_proxy_tables(),
        containerds=tuple(named(others, ("containerd",))),
    )


def named(processes: Iterable[Process], names: Collection[str]) -> list[int]:
    """Return the ids of the processes whose program has one of `names`."""
    return [one.pid for one in processes if Path(one.executable).name in names]


def _is_in_cgroup(pid: int) -> bool:
    try:
        return cgroups.is_below(Path(f"/proc/{pid}/cgroup").read_text())
    except OSError:
        return False


def _supervisor(cluster: Embedded) -> int | None:
    try:
        return int(cluster.layout.supervisor_pid.read_text())
    except (OSError, ValueError):
        return None


def _shares_our_network(pid: int) -> bool:
    """Return whether a process shares this one's network namespace; one in a container does not."""
    try:
        return os.path.samestat(
            Path(f"/proc/{pid}/ns/net").stat(), Path("/proc/self/ns/net").stat()
        )
    except OSError:
        return False
