"""Gateway and operator run with exactly the settings and rights of the chart."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest
from support.deadline import until
from support.fixtures.chart.programs import answers, as_in_its_pod, leader, refused
from support.fixtures.chart.release import ChartRelease
from support.fixtures.operator.process import free_port

from cloche_api.keys import new_key


def pods(cluster: ChartRelease) -> list[str]:
    """Pods of executions, without those of the pools."""
    selector = ("-l", "cloche.dev/execution")
    return cluster("get", "pods", "-n", cluster.sandboxes, *selector, "-o", "name").split()


def waiting(cluster: ChartRelease) -> list[str]:
    """Pods of the pools."""
    selector = ("-l", "cloche.dev/state=waiting")
    return cluster("get", "pods", "-n", cluster.sandboxes, *selector, "-o", "name").split()


@pytest.fixture
def node(installed: ChartRelease) -> Iterator[None]:
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
def test_the_operator_runs_with_the_rights_of_the_chart(
    installed: ChartRelease, tmp_path: Path
) -> None:
    port = free_port()
    with as_in_its_pod(installed, "operator", port, tmp_path) as log:
        until(lambda: answers(f"http://127.0.0.1:{port}/readyz"), "the operator", 30)
        until(lambda: leader(installed) == "pod-0", "its Lease", 30)
        until(lambda: waiting(installed), "the pools' first Pod", 30)
        assert installed.try_execution("operated").returncode == 0
        until(lambda: pods(installed), f"a Pod: {log.read_text()}", 30)
        installed("delete", "sbx", "operated", "-n", installed.sandboxes, "--wait=false")
        until(lambda: not pods(installed), "the Pod to go", 60)
        assert installed.try_execution("unknown", language="cobol").returncode == 0
        installed(
            "wait",
            "--for=condition=Finished",
            "sbx/unknown",
            "-n",
            installed.sandboxes,
            "--timeout=30s",
        )
        fail_pull(installed, waiting(installed)[0])
        until(lambda: warned(installed, "SandboxRuntime"), f"an Event: {log.read_text()}", 30)
        assert refused(log) == []


def fail_pull(cluster: ChartRelease, pod: str) -> None:
    """Write into a Pod's status, as its kubelet does, that the image cannot be pulled."""
    state = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    container = {"name": "sandbox", "image": "", "imageID": "", "ready": False, "restartCount": 0}
    status = {"phase": "Pending", "containerStatuses": [container | {"state": state}]}
    cluster(
        "patch", pod, "-n", cluster.sandboxes, "--type=merge", "--subresource=status",
        "-p", json.dumps({"status": status}),
    )  # fmt: skip


def warned(cluster: ChartRelease, kind: str) -> list[str]:
    """Return the Warning Events about objects of this kind."""
    of = f"type=Warning,involvedObject.kind={kind}"
    return cluster(
        "get", "events", "-n", cluster.sandboxes, "--field-selector", of, "-o", "name"
    ).split()


@pytest.mark.usefixtures("node")
def test_a_standby_operator_leads_once_the_leader_stops(
    installed: ChartRelease, tmp_path: Path
) -> None:
    ports = {pod: free_port() for pod in ("pod-a", "pod-b")}

    def start(pod: str) -> AbstractContextManager[Path]:
        return as_in_its_pod(installed, "operator", ports[pod], tmp_path, pod)

    def ready(pod: str) -> bool:
        return answers(f"http://127.0.0.1:{ports[pod]}/readyz")

    with ExitStack() as second:
        with start("pod-a") as log_of_a:
            until(lambda: leader(installed) == "pod-a", "the first to lead", 30)
            log_of_b = second.enter_context(start("pod-b"))
            until(lambda: ready("pod-b"), "the standby", 30)
            assert ready("pod-a")
            assert leader(installed) == "pod-a"
        until(lambda: leader(installed) == "pod-b", "the standby to lead", 30)
        assert refused(log_of_a) == refused(log_of_b) == []


@pytest.fixture
def key(installed: ChartRelease) -> str:
    text, record = new_key("me")
    patch = json.dumps({"stringData": {"me": record.model_dump_json(by_alias=True)}})
    installed(
        "patch", "secret", "cloche-api-keys", "-n", installed.system, "--type=merge", "-p", patch
    )
    return text


def test_the_gateway_runs_with_the_rights_of_the_chart(
    installed: ChartRelease, key: str, tmp_path: Path
) -> None:
    port = free_port()
    with as_in_its_pod(installed, "gateway", port, tmp_path) as log:
        url = f"http://127.0.0.1:{port}"
        until(lambda: answers(f"{url}/health/ready"), "the gateway", 30)
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

        name = until(created, f"the execution: {log.read_text()}", 30)
        status = {"phase": "Error", "reason": "Unschedulable", "message": "there is no node"}
        installed(
            "patch", "sbx", name, "-n", installed.sandboxes, "--type=merge", "--subresource=status",
            "-p", json.dumps({"status": status}),
        )  # fmt: skip
        answer, _ = request.communicate(timeout=60)
        assert "Execution failed" in json.loads(answer)["detail"]
        assert refused(log) == []
