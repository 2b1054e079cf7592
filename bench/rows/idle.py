"""The resources of an unused installation."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from access import processes
from access.server import LABEL, SYSTEM
from progress import say
from world import SINGLE

from cloche_api import meta

if TYPE_CHECKING:
    from access.server import Cluster
    from world import World

_SETTLE_SECONDS = 5.0  # for the operator's last sweep
_MIB = 1024**2
_LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/cloche-operator"


async def measure(world: World, key: str) -> None:
    """Measure the memory of gateway and operator each second, and the CPU time of both overall.

    If the cluster's node is not this machine, nothing is measured.
    """
    found = {name: one.supervisor for name, one in (await programs(world.cluster)).items()}
    if not found:
        say("gateway and operator run on another machine: idle is not measured")
        return
    seconds = world.sizes.idle_seconds
    await asyncio.sleep(min(_SETTLE_SECONDS, seconds))
    before = sum(processes.cpu_seconds(pid) for pid in found.values())
    for _ in range(int(seconds)):
        await asyncio.sleep(1)
        for name, pid in found.items():
            world.figures[f"{key}.{name}"].values.append(processes.resident_bytes(pid) / _MIB)
    used = sum(processes.cpu_seconds(pid) for pid in found.values()) - before
    world.figures[f"{key}.cpu"].values.append(100 * used / int(seconds))


async def waiting_pods(world: World) -> None:
    """Measure the memory of each waiting, never used Python Pod, and of its shim."""
    selector = f"{meta.LABEL_RUNTIME}={SINGLE},!{LABEL}"
    for pod in await world.cluster.list_metadata(world.cluster.pods, selector):
        if (inside := processes.of_pod(pod["uid"])) is None:
            continue
        world.figures["pod.memory"].values.append(processes.anonymous_bytes(inside) / _MIB)
        shim = processes.resident_bytes(processes.parent(inside.supervisor))
        world.figures["pod.shim"].values.append(shim / _MIB)


async def programs(cluster: Cluster) -> dict[str, processes.Inside]:
    """Return the gateway, the leading operator and a standby operator.

    Those whose node is not this machine are left out.
    """
    rest = cluster.rest
    lease = await rest.call("GET", _LEASE)
    leader = lease["spec"].get("holderIdentity", "")
    found: dict[str, processes.Inside] = {}
    for component in ("gateway", "operator"):
        params = {"labelSelector": f"{meta.LABEL_COMPONENT}={component}"}
        pods = await rest.call("GET", f"/api/v1/namespaces/{SYSTEM}/pods", params=params)
        for pod in pods["items"]:
            name = component
            if component == "operator":
                leads = leader.startswith(pod["metadata"]["name"])
                name = "leader" if leads else "standby"
            if inside := processes.of_pod(pod["metadata"]["uid"]):
                found[name] = inside
    return found
