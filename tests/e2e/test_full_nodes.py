"""Nodes that have no room left: programs go before Pods that wait for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from support.deadline import until
from support.installation import SANDBOXES, Kubectl

from cloche_api.resources import quantity

HOG = {"name": "test-hog", "namespace": "default"}
SECONDS = 90


def free_millicpu(kubectl: Kubectl) -> int:
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
def no_room(kubectl: Kubectl) -> Iterator[None]:
    """A node whose CPU is all requested, while the pools are full."""
    for name in ("python", "javascript", "bash"):
        until(lambda name=name: kubectl.pool_is_full(name), SECONDS, f"the pool of {name}")  # type: ignore[misc]  # bound now
    until(lambda: not kubectl.busy_pods(), SECONDS, "the used Pods to go")
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
    kubectl("create", "-f", "-", input_=json.dumps(pod))
    kubectl("wait", "--for=condition=Ready", "pod/test-hog", "-n", "default", "--timeout=60s")
    yield
    kubectl("delete", "pod", "test-hog", "-n", "default", "--ignore-not-found")


@pytest.mark.usefixtures("no_room")
def test_a_pod_that_waits_makes_room_for_a_program(
    kubectl: Kubectl, submit: Any, finished: Any
) -> None:
    names = [submit("print(1)", resources={"memory": "256Mi"}) for _ in range(3)]

    ends = [finished(name) for name in names]

    assert [(end["reason"], end["stdout"]) for end in ends] == [("Exited", "1\n")] * 3
    kubectl("delete", "pod", "test-hog", "-n", "default")
    until(lambda: kubectl.pool_is_full("python"), SECONDS, "the pool to be full again")
