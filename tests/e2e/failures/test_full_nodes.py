"""Full nodes: the Pods of executions preempt waiting Pods of the pools."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from support.clients.kubectl import InstallationKubectl
from support.data.names import SANDBOXES
from support.deadline import until
from support.fixtures.executions import Finished, Submit

from cloche_api.resources import quantity

HOG = {"name": "test-hog", "namespace": "default"}
SECONDS = 180


def free_millicpu(kubectl: InstallationKubectl) -> int:
    """What the Pods on the only node leave of the CPU that it can allocate."""
    node = kubectl.json("get", "nodes")["items"][0]
    pods = kubectl.json("get", "pods", "-A", "--field-selector=status.phase!=Succeeded")["items"]
    free = 1000 * quantity.parse(node["status"]["allocatable"]["cpu"])
    for pod in pods:
        if pod["status"]["phase"] != "Failed":
            for container in pod["spec"]["containers"]:
                requests = container["resources"].get("requests", {})
                free -= 1000 * quantity.parse(requests.get("cpu", "0"))
    return int(free)


@pytest.fixture
def no_room(kubectl: InstallationKubectl) -> Iterator[None]:
    """A node whose CPU is all requested, while the pools are full."""
    for name in ("python", "javascript", "bash"):
        until(lambda name=name: kubectl.pool_is_full(name), f"the pool of {name}", SECONDS)  # type: ignore[misc]  # bound now
    until(lambda: not kubectl.busy_pods(), "the used Pods to go", SECONDS)
    image = kubectl.json("get", "sbr", "python", "-n", SANDBOXES)["spec"]["image"]
    hog = {
        "name": "hog",
        "image": image,
        "command": ["sleep", "infinity"],
        "resources": {"requests": {"cpu": f"{free_millicpu(kubectl) - 10}m"}},
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": HOG,
        "spec": {"containers": [hog], "terminationGracePeriodSeconds": 0},
    }
    kubectl("create", "-f", "-", stdin=json.dumps(pod))
    kubectl("wait", "--for=condition=Ready", "pod/test-hog", "-n", "default", "--timeout=60s")
    yield
    kubectl("delete", "pod", "test-hog", "-n", "default", "--ignore-not-found")


@pytest.mark.usefixtures("no_room")
def test_a_waiting_pool_pod_is_preempted_for_an_execution(
    kubectl: InstallationKubectl, submit: Submit, finished: Finished
) -> None:
    names = [submit("print(1)", resources={"memory": "256Mi"}) for _ in range(3)]

    ends = [finished(name) for name in names]

    assert [(end["reason"], end["stdout"]) for end in ends] == [("Exited", "1\n")] * 3
    kubectl("delete", "pod", "test-hog", "-n", "default")
    until(lambda: kubectl.pool_is_full("python"), "the pool to be full again", SECONDS)
