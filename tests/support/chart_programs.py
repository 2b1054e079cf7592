"""The programs of an installed chart, run as their Deployments say, but without a kubelet."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from support.chart_cluster import ChartCluster


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def as_in_its_pod(
    cluster: ChartCluster, program: str, port: int, place: Path, pod: str = "pod-0"
) -> Iterator[Path]:
    """Run a program with its Deployment's variables and its service account's token; its log."""
    found = cluster.json("get", "deployment", f"cloche-{program}", "-n", cluster.system)
    (container,) = found["spec"]["template"]["spec"]["containers"]
    settings = {
        one["name"]: _value_of(one["valueFrom"], pod)
        if "valueFrom" in one
        else one.get("value", "")
        for one in container["env"]
    }
    settings["CLOCHE_GATEWAY_PORT" if program == "gateway" else "CLOCHE_OPERATOR_HTTP_PORT"] = str(
        port
    )
    token = cluster("create", "token", f"cloche-{program}", "-n", cluster.system).strip()
    config = place / f"{pod}.kubeconfig"
    admin = json.loads(cluster("config", "view", "--raw", "--flatten", "-o", "json"))
    admin["users"] = [{"name": "pod", "user": {"token": token}}]
    for context in admin["contexts"]:
        context["context"]["user"] = "pod"
    config.write_text(json.dumps(admin))
    log = place / f"{pod}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", f"cloche_{program}"],
            env={"PATH": os.environ["PATH"], "KUBECONFIG": str(config), **settings},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            yield log
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0, log.read_text()


def _value_of(source: dict[str, object], pod: str) -> str:
    """What a kubelet would put there: the Pod's name, or its limit on memory in MiB or bytes."""
    limit = source.get("resourceFieldRef")
    if not isinstance(limit, dict):
        return pod
    return "512" if limit.get("divisor") == "1Mi" else str(512 * 1024 * 1024)


def answers(url: str) -> bool:
    """Whether a health check is content."""
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def refused(log: Path) -> list[str]:
    """What a program was not allowed to do."""
    return [line for line in log.read_text().splitlines() if "orbidden" in line or " 403" in line]


def leader(cluster: ChartCluster) -> str:
    """Who holds the operators' Lease."""
    done = cluster.run("get", "lease", "cloche-operator", "-n", cluster.system, "-o", "json")
    holder: str = json.loads(done.stdout)["spec"]["holderIdentity"] if not done.returncode else ""
    return holder
