"""Orphaned Pods are removed, and no others."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from support.deadline import until
from support.fixtures.fake_cluster import BOUND_SECONDS, FakeCluster

from cloche_api.meta import API_VERSION


def make_pod(at: FakeCluster, name: str, owner: Any, labels: dict[str, str] | None = None) -> None:
    owners = [] if owner is None else [reference(owner)]
    ours = {"app.kubernetes.io/component": "sandbox"} | (labels or {})
    at.server.create(
        at.pods,
        {
            "metadata": {"name": name, "labels": ours, "ownerReferences": owners},
            "spec": {"containers": [{"name": "sandbox", "image": "cloche/runtime-python:dev"}]},
        },
    )


def reference(owner: Any) -> dict[str, Any]:
    of = owner["metadata"]
    kinds = {"apiVersion": owner["apiVersion"], "kind": owner["kind"]}
    return kinds | {"name": of["name"], "uid": of["uid"], "controller": True}


def ended_session(at: FakeCluster) -> Any:
    sessions = at.executions.replace("sandboxexecutions", "sandboxsessions")
    made = at.server.create(
        sessions,
        {
            "apiVersion": API_VERSION,
            "kind": "SandboxSession",
            "metadata": {"name": "ended"},
            "spec": {"language": "python"},
        },
    )
    time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    at.server.merge(f"{sessions}/ended/status", {"status": {"phase": "Ended", "expiresAt": time}})
    return made


def test_the_sweeper_deletes_leftover_pods_of_runtimes_and_ended_sessions(
    cluster: FakeCluster,
) -> None:
    # Created once it leads, because a new leader removes at once what the previous one left.
    running = cluster.start(sweep_seconds=0.2, start_timeout_seconds=1, left_over_seconds=1)
    runtime = cluster.server.get(f"{cluster.runtimes}/python")
    waiting = {"cloche.dev/state": "waiting"}
    make_pod(cluster, "without-owner", None, waiting)
    make_pod(cluster, "waiting", runtime, waiting)
    make_pod(cluster, "of-a-session", ended_session(cluster), {"cloche.dev/state": "claimed"})
    until(
        lambda: {pod["metadata"]["name"] for pod in cluster.list_pods()} == {"without-owner"},
        "the left-over Pods to go",
        BOUND_SECONDS,
    )
    assert "removing left-over Pod waiting" in running.log


def test_a_pod_is_not_a_leftover_before_its_start_timeout(cluster: FakeCluster) -> None:
    running = cluster.start(sweep_seconds=0.2, start_timeout_seconds=1)
    make_pod(cluster, "young", cluster.server.get(f"{cluster.runtimes}/python"))
    done = cluster.submit("done", language="cobol")
    cluster.ended("done")
    execution = cluster.server.get(f"{cluster.executions}/done")
    make_pod(cluster, "left-over", execution, {"cloche.dev/execution": done})
    until(lambda: "removing left-over Pod left-over" in running.log, "a sweep", BOUND_SECONDS)
    assert cluster.server.find(f"{cluster.pods}/young")
