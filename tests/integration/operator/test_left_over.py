"""Orphaned Pods are removed, and no others."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from support.deadline import until
from support.stage import BOUND_SECONDS, Stage


def make_pod(at: Stage, name: str, owner: Any, labels: dict[str, str] | None = None) -> None:
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


def ended_session(at: Stage) -> Any:
    sessions = at.executions.replace("sandboxexecutions", "sandboxsessions")
    made = at.server.create(
        sessions,
        {
            "apiVersion": "cloche.dev/v1alpha1",
            "kind": "SandboxSession",
            "metadata": {"name": "ended"},
            "spec": {"language": "python"},
        },
    )
    time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    at.server.merge(f"{sessions}/ended/status", {"status": {"phase": "Ended", "expiresAt": time}})
    return made


def test_the_sweeper_deletes_leftover_pods_of_runtimes_and_ended_sessions(alone: Stage) -> None:
    # Created once it leads, because a new leader removes at once what the previous one left.
    running = alone.start(sweep_seconds=0.2, start_timeout_seconds=1, left_over_seconds=1)
    runtime = alone.server.get(f"{alone.runtimes}/python")
    waiting = {"cloche.dev/state": "waiting"}
    make_pod(alone, "without-owner", None, waiting)
    make_pod(alone, "waiting", runtime, waiting)
    make_pod(alone, "of-a-session", ended_session(alone), {"cloche.dev/state": "claimed"})
    until(
        lambda: {pod["metadata"]["name"] for pod in alone.list_pods()} == {"without-owner"},
        BOUND_SECONDS,
        "the left-over Pods to go",
    )
    assert "removing left-over Pod waiting" in running.log


def test_a_pod_is_not_a_leftover_before_its_start_timeout(alone: Stage) -> None:
    running = alone.start(sweep_seconds=0.2, start_timeout_seconds=1)
    make_pod(alone, "young", alone.server.get(f"{alone.runtimes}/python"))
    done = alone.submit("done", language="cobol")
    alone.ended("done")
    execution = alone.server.get(f"{alone.executions}/done")
    make_pod(alone, "left-over", execution, {"cloche.dev/execution": done})
    until(lambda: "removing left-over Pod left-over" in running.log, BOUND_SECONDS, "a sweep")
    assert alone.server.find(f"{alone.pods}/young")
