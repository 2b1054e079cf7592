"""Twenty programs exhaust what the kernel counts for the node; others still get theirs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.clients.api_server import CORE
from support.clients.installation_api import InstallationApi
from support.data.names import SANDBOXES, SYSTEM
from support.deadline import until

from attacks.harness.program import HERE
from attacks.harness.target import Target

HOARDERS = 20
HOARDER = (HERE / "node" / "hoarder.py").read_text(encoding="utf-8")
SPEC = {
    "code": HOARDER,
    "timeoutSeconds": 120,
    "resources": {"cpu": "500m", "memory": "64Mi", "disk": "1Mi"},
}
NEEDS = """if True:
    import ctypes, os
    libc = ctypes.CDLL(None)
    print("instance", libc.inotify_init1(0) >= 0)
    print("terminal", len(os.openpty()) == 2)
    number = {"x86_64": 206, "aarch64": 0}[os.uname().machine]
    print("context", libc.syscall(number, 64, ctypes.byref(ctypes.c_ulong())) == 0)
    print("queue", libc.mq_open(b"/needed", 0o102, 0o600, None) >= 0)
    pid = os.fork()
    if not pid: os._exit(0)
    print("process", os.waitpid(pid, 0)[1] == 0)
"""
"""Kernel resources that any program, including the kubelet, may need."""
GOT = "".join(f"{name} True\n" for name in ("instance", "terminal", "context", "queue", "process"))
_PODS = f"{CORE}/{SYSTEM}/pods"
_GROUPS = Path("/sys/fs/cgroup")


def unreclaimable() -> int:
    """Return the bytes of unreclaimable kernel memory of the whole node."""
    found = re.search(r"^SUnreclaim:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) * 1024


def charged() -> int:
    """Return the bytes of kernel memory charged to the cgroups of all Pods."""
    first = _GROUPS / "memory" / "cloche" / "kubepods" / "memory.kmem.usage_in_bytes"
    if first.exists():
        return int(first.read_text())
    stat = (_GROUPS / "cloche" / "kubepods" / "memory.stat").read_text()
    return int(dict(line.split() for line in stat.splitlines())["kernel"])


@contextmanager
def hoarders(cluster: InstallationApi, target: Target) -> Iterator[None]:
    """Run programs that hold all they could get until they are cancelled."""
    names = [target.start("python", SPEC) for _ in range(HOARDERS)]

    def holds(name: str) -> bool:
        found = cluster.api.get(f"{target.executions}/{name}").get("status", {})
        assert found.get("phase", "") in {"", "Pending", "Running"}, found
        path = f"{CORE}/{SANDBOXES}/pods/{found.get('podName')}/log"
        return "hoarded" in cluster.api.client.get(path).text

    try:
        for name in names:
            until(lambda name=name: holds(name), f"{name} to hoard", 120)  # type: ignore[misc]
        yield
    finally:
        for name in names:
            target.cancel(name)
        for name in names:
            target.ended(name)


def neighbour(cluster: InstallationApi, name: str, **fields: Any) -> str:
    """Return the output of an ordinary Pod that needs some of every resource."""
    image = cluster.runtime("python")["spec"]["image"]
    container = {
        "name": "neighbour",
        "image": image,
        "imagePullPolicy": "Never",
        "command": ["python3", "-c", NEEDS],
    }
    spec = {"restartPolicy": "Never", "containers": [container], **fields}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    cluster.api.create(_PODS, pod)
    try:
        until(
            lambda: (
                cluster.api.get(f"{_PODS}/{name}")["status"]["phase"] in {"Succeeded", "Failed"}
            ),
            f"{name} to end",
            60,
        )
        return cluster.api.client.get(f"{_PODS}/{name}/log").text
    finally:
        cluster.api.delete(f"{_PODS}/{name}")


def test_a_pod_gets_kernel_objects_while_20_programs_hoard_them(
    cluster: InstallationApi, target: Target
) -> None:
    users = cluster.sandboxes()[0]["spec"].get("hostUsers", True)
    before, charged_before = unreclaimable(), charged()
    with hoarders(cluster, target):
        grown = unreclaimable() - before
        charges = charged() - charged_before
        assert neighbour(cluster, "neighbour") == GOT
        assert neighbour(cluster, "neighbour-of-its-kind", hostUsers=users) == GOT
    assert grown - charges < 64 * 1024 * 1024, (grown, charges)


@pytest.mark.parametrize("language", ["javascript", "typescript"])
def test_a_node_js_program_can_list_network_interfaces(target: Target, language: str) -> None:
    code = 'import os = require("node:os"); console.log(JSON.stringify(os.networkInterfaces()));'
    if language == "javascript":
        code = code.replace("import os", "const os")
    status = target.ended(target.start(language, {"code": code}))
    assert '"lo":[{"address":"127.0.0.1"' in status["stdout"], status
