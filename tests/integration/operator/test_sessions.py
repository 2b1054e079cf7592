"""Sessions count in the limits of their key and in the limits of all sessions."""

from __future__ import annotations

from typing import Any

from support.clients.api_server import CLOCHE
from support.deadline import until
from support.fixtures.fake_cluster import BOUND_SECONDS, FakeCluster
from support.fixtures.operator.process import Operator

from cloche_api.meta import API_VERSION

ONE = {"group": "key", "limit": 1}


def make_session(at: FakeCluster, name: str, **spec: Any) -> str:
    made = at.server.create(
        f"{CLOCHE}/{at.namespace}/sandboxsessions",
        {
            "apiVersion": API_VERSION,
            "kind": "SandboxSession",
            "metadata": {"name": name},
            "spec": {"language": "python"} | spec,
        },
    )
    uid: str = made["metadata"]["uid"]
    return uid


def wait_for_waiting(running: Operator, count: int) -> None:
    until(
        lambda: running.metric("cloche_operator_queued_executions") == count,
        f"{count} to wait",
        BOUND_SECONDS,
    )


def test_a_key_with_concurrency_1_runs_one_session_or_one_execution(cluster: FakeCluster) -> None:
    running = cluster.start(start_timeout_seconds=600)
    session = make_session(cluster, "sbs-1", tenant="t", concurrency=ONE)
    cluster.pod(session)
    execution = cluster.submit("execution", tenant="t", concurrency=ONE)
    wait_for_waiting(running, 1)
    other = cluster.submit("other", tenant="u", concurrency=ONE)
    cluster.pod(other)
    assert cluster.server.find(f"{cluster.pods}/sbx-{execution}") is None
    cluster.server.delete(f"{CLOCHE}/{cluster.namespace}/sandboxsessions/sbs-1")
    cluster.pod(execution)
    make_session(cluster, "sbs-2", tenant="t", concurrency=ONE)
    wait_for_waiting(running, 1)
    for name in ("execution", "other"):
        cluster.cancel(name)
        cluster.ended(name)


def test_sessions_leave_memory_for_executions(cluster: FakeCluster) -> None:
    cluster.set_node("5Gi")  # of which 3 GiB are for programs, and half of that for sessions
    running = cluster.start(start_timeout_seconds=600)
    for n in range(3):
        cluster.pod(make_session(cluster, f"sbs-{n}", tenant=f"t-{n}"))
    make_session(cluster, "sbs-3", tenant="t-3")
    wait_for_waiting(running, 1)
    cluster.pod(cluster.submit("execution", tenant="t-3"))
    cluster.cancel("execution")
    cluster.ended("execution")


def test_executions_waiting_for_a_session_count_in_the_queue(cluster: FakeCluster) -> None:
    running = cluster.start(start_timeout_seconds=600, queue_length_per_session=2)
    # Once the session has a Pod, the operator knows it, and executions may name it.
    cluster.pod(make_session(cluster, "sbs-1", tenant="t"))
    for n in range(2):
        cluster.submit(f"run-{n}", tenant="t", session="sbs-1")
    wait_for_waiting(running, 2)
    cluster.submit("run-2", tenant="t", session="sbs-1")
    full = cluster.ended("run-2")
    assert (full["reason"], full["message"]) == (
        "QueueFull",
        "The session's queue is full: 2 executions wait for their turn.",
    )
    for n in range(2):
        cluster.cancel(f"run-{n}")
        cluster.ended(f"run-{n}")
    wait_for_waiting(running, 0)
