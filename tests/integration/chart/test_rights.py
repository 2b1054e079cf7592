"""Both programs run with what the chart gives them: their settings, their rights, no more."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from support.chart_cluster import ChartCluster
from support.deadline import until

from cloche_api.keys import new_key


def free_port() -> int:
    """A port of loopback without a listener."""
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
        one["name"]: _told(one["valueFrom"], pod) if "valueFrom" in one else one.get("value", "")
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


def _told(source: dict[str, object], pod: str) -> str:
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


def pods(cluster: ChartCluster) -> list[str]:
    """Pods of executions, without those of the pools."""
    selector = ("-l", "cloche.dev/execution")
    return cluster("get", "pods", "-n", cluster.sandboxes, *selector, "-o", "name").split()


def waiting(cluster: ChartCluster) -> list[str]:
    """Pods of the pools."""
    selector = ("-l", "cloche.dev/state=waiting")
    return cluster("get", "pods", "-n", cluster.sandboxes, *selector, "-o", "name").split()


def leader(cluster: ChartCluster) -> str:
    """The holder of the operators' Lease."""
    done = cluster.run("get", "lease", "cloche-operator", "-n", cluster.system, "-o", "json")
    holder: str = json.loads(done.stdout)["spec"]["holderIdentity"] if not done.returncode else ""
    return holder


@pytest.fixture
def node(installed: ChartCluster) -> Iterator[None]:
    """A node by name, with memory to allocate: what admits executions. Nothing runs on it."""
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": installed.system}}
    installed("create", "-f", "-", stdin=json.dumps(node))
    status = {
        "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "100"},
        "capacity": {"cpu": "4", "memory": "8Gi", "pods": "100"},
        "conditions": [{"type": "Ready", "status": "True", "reason": "OnPaper"}],
    }
    installed(
        "patch", "node", installed.system, "--type=merge", "--subresource=status",
        "-p", json.dumps({"status": status}),
    )  # fmt: skip
    yield
    installed("delete", "node", installed.system)


@pytest.mark.usefixtures("node")
def test_the_operators_rights_are_enough(installed: ChartCluster, tmp_path: Path) -> None:
    port = free_port()
    with as_in_its_pod(installed, "operator", port, tmp_path) as log:
        until(lambda: answers(f"http://127.0.0.1:{port}/readyz"), 30, "the operator")
        until(lambda: leader(installed) == "pod-0", 30, "its Lease")
        until(lambda: waiting(installed), 30, "the pools' first Pod")
        assert installed.try_execution("operated").returncode == 0
        until(lambda: pods(installed), 30, f"a Pod: {log.read_text()}")
        installed("delete", "sbx", "operated", "-n", installed.sandboxes, "--wait=false")
        until(lambda: not pods(installed), 60, "the Pod to go")
        assert installed.try_execution("unknown", language="cobol").returncode == 0
        installed(
            "wait",
            "--for=condition=Finished",
            "sbx/unknown",
            "-n",
            installed.sandboxes,
            "--timeout=30s",
        )
        assert refused(log) == []


@pytest.mark.usefixtures("node")
def test_one_operator_stands_by_for_the_other(installed: ChartCluster, tmp_path: Path) -> None:
    ports = {pod: free_port() for pod in ("pod-a", "pod-b")}

    def start(pod: str) -> AbstractContextManager[Path]:
        return as_in_its_pod(installed, "operator", ports[pod], tmp_path, pod)

    def ready(pod: str) -> bool:
        return answers(f"http://127.0.0.1:{ports[pod]}/readyz")

    with ExitStack() as second:
        with start("pod-a") as log_of_a:
            until(lambda: leader(installed) == "pod-a", 30, "the first to lead")
            log_of_b = second.enter_context(start("pod-b"))
            until(lambda: ready("pod-b"), 30, "the standby")
            assert ready("pod-a")
            assert leader(installed) == "pod-a"
        until(lambda: leader(installed) == "pod-b", 30, "the standby to lead")
        assert refused(log_of_a) == refused(log_of_b) == []


@pytest.fixture
def key(installed: ChartCluster) -> str:
    text, record = new_key("me")
    patch = json.dumps({"stringData": {"me": record.model_dump_json(by_alias=True)}})
    installed(
        "patch", "secret", "cloche-api-keys", "-n", installed.system, "--type=merge", "-p", patch
    )
    return text


def test_the_gateways_rights_are_enough(installed: ChartCluster, key: str, tmp_path: Path) -> None:
    port = free_port()
    with as_in_its_pod(installed, "gateway", port, tmp_path) as log:
        url = f"http://127.0.0.1:{port}"
        until(lambda: answers(f"{url}/health/ready"), 30, "the gateway")
        request = subprocess.Popen(
            ["curl", "-sS", "-m", "60", f"{url}/api/v1/execute", "-H", f"X-API-Key: {key}",
             "-H", "Content-Type: application/json",
             "-d", json.dumps({"code": "print(1)", "language": "python", "session_id": "s"})],
            stdout=subprocess.PIPE,
        )  # fmt: skip

        def created() -> str | None:
            found = installed.json(
                "get", "sbx", "-n", installed.sandboxes, "-l", "cloche.dev/tenant=me"
            )
            return found["items"][0]["metadata"]["name"] if found["items"] else None

        name = until(created, 30, f"the execution: {log.read_text()}")
        status = {"phase": "Error", "reason": "Unschedulable", "message": "there is no node"}
        installed(
            "patch", "sbx", name, "-n", installed.sandboxes, "--type=merge", "--subresource=status",
            "-p", json.dumps({"status": status}),
        )  # fmt: skip
        answer, _ = request.communicate(timeout=60)
        assert "Execution failed" in json.loads(answer)["detail"]
        assert refused(log) == []
