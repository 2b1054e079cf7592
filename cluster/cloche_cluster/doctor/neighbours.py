"""What else runs on this machine that the embedded cluster could collide with."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.embedded import network, ports, sweep
from cloche_cluster.embedded.settings import GATEWAY_LOCAL_PORT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from cloche_cluster.embedded.context import Embedded
    from cloche_cluster.embedded.sweep import Process

PROXIES = ("kube-proxy", "k3s")
"""Programs that write a cluster's Services into the machine's packet filter."""


@dataclass(frozen=True)
class Neighbours:
    """What was found; processes of the embedded cluster itself are no neighbours.

    `running` says whether the embedded cluster runs. `ports` are the sentences about its ports that
    others have, `local_port` is who has the gateway's port on localhost. `sockets` name who listens
    below its directory. `proxies` and `containerds` are process ids. `proxy_tables` says whether
    another kube-proxy works with nftables.
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
    """Look at the machine's processes, sockets, routes and packet filter."""
    own = set(sweep.find_processes(cluster.layout))
    others = [one for one in sweep.read_processes() if one.pid not in own]
    held = ports.foreign_holders(
        [*dataclasses.asdict(cluster.ports).values(), GATEWAY_LOCAL_PORT], own
    )
    recorded = cluster.layout.sysctls.exists()
    return Neighbours(
        running=_supervisor(cluster) in own,
        ports=tuple(ports.taken(cluster.ports, held)),
        local_port=held.get(GATEWAY_LOCAL_PORT),
        sockets=tuple(ports.foreign_sockets(cluster.layout.run, own)),
        network=network.overlap(cluster.addresses),
        proxies=tuple(one for one in named(others, PROXIES) if _shares_our_network(one)),
        proxy_tables=not recorded and network.has_proxy_tables(),
        containerds=tuple(named(others, ("containerd",))),
    )


def named(processes: Iterable[Process], names: Collection[str]) -> list[int]:
    """Return the ids of those processes whose program has one of `names`."""
    return [one.pid for one in processes if Path(one.executable).name in names]


def _supervisor(cluster: Embedded) -> int | None:
    try:
        return int(cluster.layout.supervisor_pid.read_text())
    except (OSError, ValueError):
        return None


def _shares_our_network(pid: int) -> bool:
    """Say whether a process is in this process's network namespace: a container's is not."""
    try:
        return os.path.samestat(
            Path(f"/proc/{pid}/ns/net").stat(), Path("/proc/self/ns/net").stat()
        )
    except OSError:
        return False
