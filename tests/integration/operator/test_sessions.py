"""Sessions count in the limits of their key and in the limits of all sessions."""

from __future__ import annotations

from typing import Any

from support.api_server import CLOCHE
from support.deadline import until
from support.operator_process import Operator
from support.stage import BOUND_SECONDS, Stage

ONE = {"group": "key", "limit": 1}


def make_session(at: Stage, name: str, **spec: Any) -> str:
    made = at.server.create(
        f"{CLOCHE}/{at.namespace}/sandboxsessions",
        {
            "apiVersion": "cloche.dev/v1alpha1",
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
        BOUND_SECONDS,
        f"{count} to wait",
    )


def test_a_key_of_one_has_one_session_or_one_execution(alone: Stage) -> None:
    running = alone.start(start_timeout_seconds=600)
    session = make_session(alone, "sbs-1", tenant="t", concurrency=ONE)
    alone.pod(session)
    execution = alone.submit("execution", tenant="t", concurrency=ONE)
    wait_for_waiting(running, 1)
    other = alone.submit("other", tenant="u", concurrency=ONE)
    alone.pod(other)
    assert alone.server.find(f"{alone.pods}/sbx-{execution}") is None
    alone.server.delete(f"{CLOCHE}/{alone.namespace}/sandboxsessions/sbs-1")
    alone.pod(execution)
    make_session(alone, "sbs-2", tenant="t", concurrency=ONE)
    wait_for_waiting(running, 1)
    for name in ("execution", "other"):
        alone.cancel(name)
        alone.ended(name)


def test_sessions_leave_room_for_executions(alone: Stage) -> None:
    alone.set_node("5Gi")  # of which 3 GiB are for programs, and half of that for sessions
    running = alone.start(start_timeout_seconds=600)
    for n in range(3):
        alone.pod(make_session(alone, f"sbs-{n}", tenant=f"t-{n}"))
    make_session(alone, "sbs-3", tenant="t-3")
    wait_for_waiting(running, 1)
    alone.pod(alone.submit("execution", tenant="t-3"))
    alone.cancel("execution")
    alone.ended("execution")


def test_who_waits_for_a_session_counts_in_the_queue(alone: Stage) -> None:
    running = alone.start(start_timeout_seconds=600, queue_length_per_session=2)
    # Once the session has a Pod, the operator knows it, and executions may name it.
    alone.pod(make_session(alone, "sbs-1", tenant="t"))
    for n in range(2):
        alone.submit(f"run-{n}", tenant="t", session="sbs-1")
    wait_for_waiting(running, 2)
    alone.submit("run-2", tenant="t", session="sbs-1")
    full = alone.ended("run-2")
    assert (full["reason"], full["message"]) == (
        "QueueFull",
        "The session's queue is full: 2 executions wait for their turn.",
    )
    for n in range(2):
        alone.cancel(f"run-{n}")
        alone.ended(f"run-{n}")
    wait_for_waiting(running, 0)
