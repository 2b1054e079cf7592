"""`helm test` against a real API server, gateway and operator, without a kubelet."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.clients.helm import helm
from support.deadline import until
from support.fixtures.chart.programs import answers, as_in_its_pod, leader
from support.fixtures.chart.release import ChartRelease
from support.fixtures.operator.process import free_port

POD = "cloche-test"
RESULT = {
    "phase": "Completed",
    "reason": "Exited",
    "exitCode": 0,
    "stdout": "Hello\n",
    "startTime": "2026-01-02T03:04:30.000000Z",
    "completionTime": "2026-01-02T03:04:31.000000Z",
}
Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def addresses(
    installed: ChartRelease, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """The gateway's URL and HOST:PORT of the operator, which lead and are ready."""
    gateway, operator = free_port(), free_port()
    place = tmp_path_factory.mktemp("programs")
    with ExitStack() as programs:
        for program, port in (("gateway", gateway), ("operator", operator)):
            programs.enter_context(as_in_its_pod(installed, program, port, place, program))
        until(lambda: answers(f"http://127.0.0.1:{gateway}/health/ready"), "the gateway", 30)
        until(lambda: leader(installed) == "operator", "the operator's Lease", 30)
        yield f"http://127.0.0.1:{gateway}", f"127.0.0.1:{operator}"


@pytest.fixture
def helm_test(installed: ChartRelease) -> Iterator[Future[Done]]:
    """A `helm test` that runs."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(
            helm, "test", "cloche", "-n", installed.system, "--timeout=100s",
            kubeconfig=installed.kubeconfig,
        )  # fmt: skip


def started(
    cluster: ChartRelease, addresses: tuple[str, str], place: Path
) -> subprocess.Popen[str]:
    """Start the container of the test's Pod, with its account's token."""
    until(
        lambda: not cluster.run("get", "pod", POD, "-n", cluster.system).returncode, "the Pod", 30
    )
    pod = cluster.json("get", "pod", POD, "-n", cluster.system)
    (container,) = pod["spec"]["containers"]
    account = pod["spec"]["serviceAccountName"]
    token = cluster("create", "token", account, "-n", cluster.system).strip()
    (place / "token").write_text(token)
    config = json.loads(cluster("config", "view", "--raw", "--flatten", "-o", "json"))
    (server,) = (one["cluster"] for one in config["clusters"])
    (place / "ca.crt").write_bytes(base64.b64decode(server["certificate-authority-data"]))
    address = urlsplit(server["server"])
    script, _, _, namespace = container["args"]
    return subprocess.Popen(
        [sys.executable, "-P", "-c", script, *addresses, namespace],
        env=os.environ
        | {
            "SERVICE_ACCOUNT": str(place),
            "KUBERNETES_SERVICE_HOST": str(address.hostname),
            "KUBERNETES_SERVICE_PORT": str(address.port),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def execution(cluster: ChartRelease) -> str | None:
    """The execution that `helm test` sent."""
    found = cluster.json("get", "sbx", "-n", cluster.sandboxes, "-l", "cloche.dev/tenant=helm-test")
    return found["items"][0]["metadata"]["name"] if found["items"] else None


def end(cluster: ChartRelease, kind: str, name: str, namespace: str, status: Any) -> None:
    """Write a final status, as the operator or the kubelet does."""
    cluster(
        "patch", kind, name, "-n", namespace, "--type=merge", "--subresource=status",
        "-p", json.dumps({"status": status}),
    )  # fmt: skip


def keys(cluster: ChartRelease) -> set[str]:
    """Names of the API keys."""
    found = cluster.json("get", "secret", "cloche-api-keys", "-n", cluster.system)
    return set(found.get("data", {}))


def left(cluster: ChartRelease) -> str:
    """What `helm test` has left in the release's namespace."""
    kinds = "pod,serviceaccount,role,rolebinding"
    found = cluster("get", kinds, "-n", cluster.system, "-o", "name").split()
    return " ".join(name for name in found if name.endswith(f"/{POD}"))


def test_a_successful_helm_test_leaves_nothing(
    installed: ChartRelease,
    addresses: tuple[str, str],
    helm_test: Future[Done],
    tmp_path: Path,
) -> None:
    with started(installed, addresses, tmp_path) as check:
        name = until(lambda: execution(installed), "the execution", 60)
        assert keys(installed) == {"helm-test"}
        end(installed, "sbx", name, installed.sandboxes, RESULT)
        said, _ = check.communicate(timeout=60)
    assert check.returncode == 0, said
    assert "gateway: ready" in said
    assert "operator: 127.0.0.1 leads" in said
    assert "python: Hello" in said
    end(installed, "pod", POD, installed.system, {"phase": "Succeeded"})

    done = helm_test.result(60)
    assert done.returncode == 0, done.stderr
    assert left(installed) == ""
    assert keys(installed) == set()
    until(lambda: execution(installed) is None, "the record to be removed", 60)


def test_a_failed_helm_test_leaves_only_its_pod(
    installed: ChartRelease,
    addresses: tuple[str, str],
    helm_test: Future[Done],
    tmp_path: Path,
) -> None:
    with started(installed, addresses, tmp_path) as check:
        name = until(lambda: execution(installed), "the execution", 60)
        failed = {"phase": "Error", "reason": "ImagePullFailed", "message": "no such image"}
        end(installed, "sbx", name, installed.sandboxes, failed)
        said, _ = check.communicate(timeout=60)
    assert check.returncode == 1, said
    assert "FAILED: HTTP 500" in said
    assert "image could not be pulled" in said
    end(installed, "pod", POD, installed.system, {"phase": "Failed"})

    done = helm_test.result(60)
    assert done.returncode != 0
    assert left(installed) == f"pod/{POD}"
    assert keys(installed) == set()
