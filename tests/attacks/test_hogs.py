"""A hundred concurrent programs that allocate all memory do not affect other programs."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from support.clients.api_server import CORE
from support.clients.installation_api import InstallationApi
from support.data.names import SANDBOXES
from support.deadline import until

from attacks.harness.node import system_restarts
from attacks.harness.program import HERE, parse
from attacks.harness.target import Target

HOGS = 100
NEIGHBOUR = """
import time
keep = bytearray(b"x" * (200 << 20))
print("begun", flush=True)
while True:
    assert keep.count(b"x") == len(keep)
    print("kept", flush=True)
    time.sleep(0.2)
"""
"""A neighbour that runs until it is cancelled, unless it loses its memory or is killed."""


def test_100_concurrent_memory_hogs_do_not_affect_another_program(
    cluster: InstallationApi, target: Target
) -> None:
    """The queue admits as many as fit into the nodes' memory; the others end with QueueTimeout."""
    hog = parse(HERE / "resources" / "memory.py")
    spec = hog.spec({}) | {"timeoutSeconds": 60}
    spec.pop("resources")
    before = system_restarts(cluster)
    neighbour = target.start("python", {"code": NEIGHBOUR, "timeoutSeconds": 300})
    until(lambda: target.phase(neighbour) == "Running", "the neighbour to run", 60)

    with ThreadPoolExecutor(16) as pool:
        hogs = list(pool.map(lambda _: target.start("python", spec), range(HOGS)))
    ends = Counter(target.ended(name)["reason"] for name in hogs)

    assert not ends.keys() - {"OutOfMemory", "QueueTimeout"}, ends
    assert ends["OutOfMemory"] >= HOGS // 4, ends  # 24 GiB fit 28 of them at a time
    target.cancel(neighbour)
    status = target.ended(neighbour)
    assert status["reason"] == "Cancelled"
    assert set(status["stdout"].splitlines()) == {"begun", "kept"}
    (node,) = cluster.api.get("/api/v1/nodes")["items"]
    pressures = {one["type"]: one["status"] for one in node["status"]["conditions"]}
    assert pressures["MemoryPressure"] == "False"
    assert pressures["Ready"] == "True"
    events = cluster.api.get(f"{CORE}/{SANDBOXES}/events?fieldSelector=reason=Evicted")["items"]
    assert not events
    assert system_restarts(cluster) == before
