"""Pools that cannot be filled: the runtime reports why, and other pools are not affected."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support import images
from support.deadline import until
from support.installation import SANDBOXES, Kubectl
from support.witness_pods import pod_witness

POOL = 2
LOOK_SECONDS = 20
MOST_PODS = POOL + 6
"""In that time: those that were on their way, and four tries at 2, 4 and 8 s from one another,
each perhaps with one for an execution."""
FAILS_SECONDS = 90
TIMEOUT_SECONDS = 1
LONGER_THAN_ANY_DEADLINE = 75
"""Seconds: a Pod's deadline beyond its program's timeout is 68."""
QUOTA = "test-pods"
NO_IMAGE = "cloche/there-is-no-such-image:0"
PROBLEMS = {
    "pool-no-image": ("ImagePullFailed", NO_IMAGE),
    "pool-no-supervisor": ("ProtocolError", "is the supervisor in the image?"),
    "pool-protocol": ("ProtocolError", "protocol 99"),
    "pool-quits": ("ProtocolError", ""),
}
"""By runtime: the reason, and the words that tell one from another."""


def waiting(kubectl: Kubectl, runtime: str) -> set[str]:
    """Uids of the Pods that wait for executions of a runtime."""
    labels = f"cloche.dev/runtime={runtime},cloche.dev/state=waiting"
    found = kubectl.json("get", "pods", "-n", SANDBOXES, "-l", labels)["items"]
    return {pod["metadata"]["uid"] for pod in found}


def status(kubectl: Kubectl, runtime: str) -> dict[str, Any]:
    found: dict[str, Any] = kubectl.json("get", "sbr", runtime, "-n", SANDBOXES).get("status", {})
    return found


def not_ready(kubectl: Kubectl, runtime: str) -> dict[str, Any] | None:
    """The runtime's condition Ready, once it is False."""
    for condition in status(kubectl, runtime).get("conditions", []):
        if condition["type"] == "Ready" and condition["status"] == "False":
            return dict(condition)
    return None


@pytest.fixture(scope="module", autouse=True)
def old(kubectl: Kubectl, runtime: Any) -> str:
    """A runtime whose one Pod waits while the other tests run."""
    name: str = runtime("waits-long", pool={"size": 1})
    until(lambda: kubectl.pool_is_full(name), FAILS_SECONDS, "the Pod to wait")
    return name


@pytest.fixture
def room_for_one(kubectl: Kubectl) -> Iterator[None]:
    """One Pod more than there are, by a quota of the test's own."""
    for name in ("python", "javascript", "bash"):
        until(lambda name=name: kubectl.pool_is_full(name), FAILS_SECONDS, f"the pool of {name}")  # type: ignore[misc]  # bound now
    until(lambda: not kubectl.busy_pods(), FAILS_SECONDS, "the used Pods to make their room")
    there = len(kubectl.pods())
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": QUOTA, "namespace": SANDBOXES},
        "spec": {"hard": {"pods": str(there + 1)}},
    }
    kubectl("create", "-f", "-", input_=json.dumps(quota))
    until(
        lambda: "used" in kubectl.json("get", "quota", QUOTA, "-n", SANDBOXES).get("status", {}),
        30,
        "the quota to be counted",
    )
    yield
    kubectl("delete", "quota", QUOTA, "-n", SANDBOXES, "--ignore-not-found")


@pytest.mark.usefixtures("room_for_one")
def test_a_pool_beyond_the_quota(
    kubectl: Kubectl, runtime: Any, installation: Any, submit: Any, finished: Any
) -> None:
    others = waiting(kubectl, "python")
    with pod_witness(installation.kubeconfig) as seen:
        name = runtime("pool-beyond", pool={"size": 3})
        condition = until(lambda: not_ready(kubectl, name), FAILS_SECONDS, "the quota to be told")
        assert condition["reason"] == "PodRefused"
        assert QUOTA in condition["message"]
        until(lambda: status(kubectl, name)["ready"] == 1, 30, "the Pod that there is room for")
        cold = finished(submit("print(1)", name, resources={"memory": "256Mi"}))

    assert (cold["phase"], cold["reason"]) == ("Error", "PodRefused")
    assert QUOTA in cold["message"]
    assert seen.of(name) == 1
    assert waiting(kubectl, "python") == others
    kubectl("delete", "quota", QUOTA, "-n", SANDBOXES)
    until(lambda: kubectl.pool_is_full(name), FAILS_SECONDS, "the pool to be full after all")
    until(lambda: not not_ready(kubectl, name), 30, "the condition to be true again")


@pytest.fixture(scope="module")
def created(kubectl: Kubectl, installation: Any, runtime: Any) -> dict[str, int]:
    """Runtimes that cannot run, each with a pool, and how many Pods came for each in 20 s."""
    operator = kubectl.json("get", "deployment", "cloche-operator", "-n", "cloche-system")
    operator = operator["spec"]["template"]["spec"]["containers"][0]["image"]
    python = kubectl.json("get", "sbr", "python", "-n", SANDBOXES)["spec"]["image"]
    built = {
        name: images.load(name, Path(__file__).parent / "images" / name, python)
        for name in ("protocol", "quits")
    }
    until(lambda: kubectl.pool_is_full("python"), FAILS_SECONDS, "the pool of python to be full")
    pool = {"size": POOL}
    runtime("pool-no-image", image=NO_IMAGE, imagePullPolicy="Never", pool=pool)
    runtime("pool-no-supervisor", image=operator, pool=pool)
    runtime("pool-protocol", image=built["protocol"], pool=pool)
    runtime("pool-quits", image=built["quits"], pool=pool)
    for name in PROBLEMS:
        until(lambda name=name: not_ready(kubectl, name), FAILS_SECONDS, f"{name} to say why")  # type: ignore[misc]  # bound now
    others = waiting(kubectl, "python")
    with pod_witness(installation.kubeconfig) as seen:
        over = time.monotonic() + LOOK_SECONDS
        until(lambda: time.monotonic() > over, 2 * LOOK_SECONDS, "the look to be over")
    assert others
    assert waiting(kubectl, "python") == others
    return {name: seen.of(name) for name in PROBLEMS}


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_runtime_that_cannot_run(
    kubectl: Kubectl, created: dict[str, int], submit: Any, finished: Any, name: str
) -> None:
    reason, words = PROBLEMS[name]
    condition = not_ready(kubectl, name)
    assert condition is not None
    assert condition["reason"] == reason
    assert words in condition["message"]
    assert created[name] <= MOST_PODS

    end = finished(submit("print(1)", name))

    assert (end["phase"], end["reason"]) == ("Error", reason)
    assert words in end["message"]


def test_a_pod_that_waited_longer_than_any_deadline(
    kubectl: Kubectl, old: str, submit: Any, finished: Any
) -> None:
    """Last, for it to have waited: its deadline counts from the claim, not from its start."""
    labels = f"cloche.dev/runtime={old},cloche.dev/state=waiting"
    [pod] = kubectl.json("get", "pods", "-n", SANDBOXES, "-l", labels)["items"]
    born = datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
    until(
        lambda: (datetime.now(UTC) - born).total_seconds() > LONGER_THAN_ANY_DEADLINE,
        2 * LONGER_THAN_ANY_DEADLINE,
        "the Pod to be old",
    )
    code = "import time\ntime.sleep(0.8)\nprint('in time')"

    end = finished(submit(code, old, timeoutSeconds=TIMEOUT_SECONDS))

    assert (end["reason"], end["stdout"]) == ("Exited", "in time\n")
    assert end["podUID"] == pod["metadata"]["uid"]
    assert end["warm"] is True
