"""Pools that cannot be filled: the runtime reports why, and other pools are not affected."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.clients import images
from support.clients.kubectl import InstallationKubectl
from support.data.names import SANDBOXES
from support.deadline import until
from support.fixtures.executions import Finished, Install, Submit
from support.fixtures.installation import Installation
from support.observers.pod_observer import observe_pods

POOL = 2
LOOK_SECONDS = 20
MOST_PODS = POOL + 6
"""In that time: those that were on their way, and four tries at 2, 4 and 8 s from one another,
each possibly in addition to one for an execution."""
FAILS_SECONDS = 90
TIMEOUT_SECONDS = 1
LONGER_THAN_ANY_DEADLINE = 75
"""Seconds: a Pod's deadline beyond its program's timeout is 68."""
QUOTA = "test-pods"
NO_IMAGE = "cloche/there-is-no-such-image:0"
PROBLEMS = {
    "pool-no-image": ("ImagePullFailed", NO_IMAGE),
    "pool-no-supervisor": ("ProtocolError", "Does the image contain the supervisor?"),
    "pool-protocol": ("ProtocolError", "protocol 99"),
    "pool-quits": ("ProtocolError", ""),
}
"""By runtime: the reason, and the words that distinguish them."""


def not_ready(kubectl: InstallationKubectl, runtime: str) -> dict[str, Any] | None:
    """The runtime's condition Ready, once it is False."""
    for condition in kubectl.runtime_status(runtime).get("conditions", []):
        if condition["type"] == "Ready" and condition["status"] == "False":
            return dict(condition)
    return None


@pytest.fixture(scope="module", autouse=True)
def old(kubectl: InstallationKubectl, runtime: Install) -> str:
    """A runtime whose one Pod waits while the other tests run."""
    name: str = runtime("waits-long", pool={"size": 1})
    until(lambda: kubectl.pool_is_full(name), "the Pod to wait", FAILS_SECONDS)
    return name


@pytest.fixture
def room_for_one(kubectl: InstallationKubectl) -> Iterator[None]:
    """One Pod more than there are, by a quota of the test's own."""
    for name in ("python", "javascript", "bash"):
        until(lambda name=name: kubectl.pool_is_full(name), f"the pool of {name}", FAILS_SECONDS)  # type: ignore[misc]  # bound now
    until(lambda: not kubectl.busy_pods(), "the used Pods to make their room", FAILS_SECONDS)
    there = len(kubectl.pods())
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": QUOTA, "namespace": SANDBOXES},
        "spec": {"hard": {"pods": str(there + 1)}},
    }
    kubectl("create", "-f", "-", stdin=json.dumps(quota))
    until(
        lambda: "used" in kubectl.json("get", "quota", QUOTA, "-n", SANDBOXES).get("status", {}),
        "the quota to be counted",
        30,
    )
    yield
    kubectl("delete", "quota", QUOTA, "-n", SANDBOXES, "--ignore-not-found")


@pytest.mark.usefixtures("room_for_one")
def test_a_pool_over_the_quota_reports_pod_refused_and_fills_once_the_quota_is_gone(
    kubectl: InstallationKubectl,
    runtime: Install,
    installation: Installation,
    submit: Submit,
    finished: Finished,
) -> None:
    others = kubectl.waiting_pods("python")
    with observe_pods(installation.kubeconfig) as seen:
        name = runtime("pool-beyond", pool={"size": 3})
        condition = until(
            lambda: not_ready(kubectl, name), "the quota to be reported", FAILS_SECONDS
        )
        assert condition["reason"] == "PodRefused"
        assert QUOTA in condition["message"]
        until(
            lambda: kubectl.runtime_status(name)["ready"] == 1, "the Pod that there is room for", 30
        )
        cold = finished(submit("print(1)", name, resources={"memory": "256Mi"}))

    assert (cold["phase"], cold["reason"]) == ("Error", "PodRefused")
    assert QUOTA in cold["message"]
    assert seen.of(name) == 1
    assert kubectl.waiting_pods("python") == others
    kubectl("delete", "quota", QUOTA, "-n", SANDBOXES)
    until(lambda: kubectl.pool_is_full(name), "the pool to be full after all", FAILS_SECONDS)
    until(lambda: not not_ready(kubectl, name), "the condition to be true again", 30)


@pytest.fixture(scope="module")
def created(
    kubectl: InstallationKubectl, installation: Installation, runtime: Install
) -> dict[str, int]:
    """Runtimes that cannot run, each with a pool, and how many Pods came for each in 20 s."""
    operator = kubectl.json("get", "deployment", "cloche-operator", "-n", "cloche-system")
    operator = operator["spec"]["template"]["spec"]["containers"][0]["image"]
    python = kubectl.json("get", "sbr", "python", "-n", SANDBOXES)["spec"]["image"]
    built = {
        name: images.load(name, Path(__file__).parent / "images" / name, python)
        for name in ("protocol", "quits")
    }
    until(lambda: kubectl.pool_is_full("python"), "the pool of python to be full", FAILS_SECONDS)
    pool = {"size": POOL}
    runtime("pool-no-image", image=NO_IMAGE, imagePullPolicy="Never", pool=pool)
    runtime("pool-no-supervisor", image=operator, pool=pool)
    runtime("pool-protocol", image=built["protocol"], pool=pool)
    runtime("pool-quits", image=built["quits"], pool=pool)
    for name in PROBLEMS:
        until(lambda name=name: not_ready(kubectl, name), f"{name} to say why", FAILS_SECONDS)  # type: ignore[misc]  # bound now
    others = kubectl.waiting_pods("python")
    with observe_pods(installation.kubeconfig) as seen:
        over = time.monotonic() + LOOK_SECONDS
        until(lambda: time.monotonic() > over, "the look to be over", 2 * LOOK_SECONDS)
    assert others
    assert kubectl.waiting_pods("python") == others
    return {name: seen.of(name) for name in PROBLEMS}


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_runtime_that_cannot_start_pods_reports_why_and_creates_few(
    kubectl: InstallationKubectl,
    created: dict[str, int],
    submit: Submit,
    finished: Finished,
    name: str,
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


def test_a_pool_pods_deadline_counts_from_its_claim(
    kubectl: InstallationKubectl, old: str, submit: Submit, finished: Finished
) -> None:
    """Last, for it to have waited: its deadline counts from the claim, not from its start."""
    labels = f"cloche.dev/runtime={old},cloche.dev/state=waiting"
    [pod] = kubectl.json("get", "pods", "-n", SANDBOXES, "-l", labels)["items"]
    born = datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
    until(
        lambda: (datetime.now(UTC) - born).total_seconds() > LONGER_THAN_ANY_DEADLINE,
        "the Pod to be old",
        2 * LONGER_THAN_ANY_DEADLINE,
    )
    code = "import time\ntime.sleep(0.8)\nprint('in time')"

    end = finished(submit(code, old, timeoutSeconds=TIMEOUT_SECONDS))

    assert (end["reason"], end["stdout"]) == ("Exited", "in time\n")
    assert end["podUID"] == pod["metadata"]["uid"]
    assert end["warm"] is True
