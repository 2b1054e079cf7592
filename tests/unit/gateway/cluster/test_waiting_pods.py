"""Which waiting Pod an execution names, as far as a gateway knows."""

from __future__ import annotations

from typing import Any, cast

import pytest

from cloche_api.resources.typed_dicts import WaitingPodDict
from cloche_api.resources.typed_objects import ExecutionSpecDict
from cloche_gateway.cluster.waiting_pods import WaitingPods

SPEC = cast("ExecutionSpecDict", {"language": "python", "code": "1", "tenant": "acme"})


class Clock:
    """A clock that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def runtime(*uids: str, reuse: str = "Never") -> dict[str, Any]:
    """Return a SandboxRuntime whose status shows Pods with these uids."""
    pods = [{"name": f"pod-{uid}", "uid": uid} for uid in uids]
    return {
        "metadata": {"name": "python"},
        "spec": {"pool": {"size": 3, "reuse": reuse}},
        "status": {"waitingPods": pods},
    }


def ended(named: str, used: str | None, tenant: str = "acme") -> dict[str, Any]:
    """Return an execution that has ended, with the uids of the Pods that it named and used."""
    spec = SPEC | {"tenant": tenant, "waitingPod": {"name": f"pod-{named}", "uid": named}}
    return {"spec": spec, "status": {"podUID": used} if used else {}}


def chosen(pods: WaitingPods, **spec: Any) -> str | None:
    pod = pods.choose(cast("ExecutionSpecDict", {**SPEC, **spec}))
    return pod and pod["uid"]


def test_each_pod_is_named_once() -> None:
    pods = WaitingPods(Clock())
    pods.show(runtime("a", "b"))
    assert {chosen(pods), chosen(pods)} == {"a", "b"}
    assert chosen(pods) is None


def test_no_pod_is_named_before_a_status_shows_one_or_after_the_runtime_is_gone() -> None:
    pods = WaitingPods()
    assert chosen(pods) is None
    pods.show(runtime("a"))
    pods.hide("python")
    assert chosen(pods) is None


@pytest.mark.parametrize(
    "spec",
    [
        {"session": "sbs-1"},
        {"resources": {"memory": "1Gi"}},
        {"source": {"name": "s", "bytes": 20_000}},
        {"language": "ruby"},
    ],
)
def test_an_execution_that_needs_a_claim_names_no_pod(spec: dict[str, Any]) -> None:
    pods = WaitingPods()
    pods.show(runtime("a"))
    assert chosen(pods, **spec) is None


OF_SESSION: WaitingPodDict = {"name": "pod-s", "uid": "s"}


def in_session(pods: WaitingPods, **spec: Any) -> WaitingPodDict | None:
    """Return the Pod that an execution names in a session with the Pod OF_SESSION."""
    given = {**SPEC, "session": "sbs-1", **spec}
    return pods.choose(cast("ExecutionSpecDict", given), OF_SESSION)


def test_the_pod_of_a_session_is_named_for_one_program_at_a_time() -> None:
    pods = WaitingPods()
    assert in_session(pods) == OF_SESSION
    assert in_session(pods) is None
    spec = {**SPEC, "session": "sbs-1"}
    pods.ended({"spec": spec, "status": {"podUID": "s"}})  # an execution of another gateway
    assert in_session(pods) is None
    pods.ended({"spec": {**spec, "waitingPod": OF_SESSION}, "status": {"podUID": "s"}})
    assert in_session(pods) == OF_SESSION
    pods.release(OF_SESSION)
    assert in_session(pods) == OF_SESSION
    assert in_session(pods, source={"name": "s", "bytes": 20_000}) is None


def test_the_pod_of_a_session_whose_program_runs_for_long_is_named_again() -> None:
    """The program can have ended unseen. If it has not, the operator refuses the Pod."""
    clock = Clock()
    pods = WaitingPods(clock)
    assert in_session(pods) == OF_SESSION
    clock.now += 61
    assert in_session(pods) == OF_SESSION


def test_a_used_pod_is_not_named_although_the_status_still_shows_it() -> None:
    clock = Clock()
    pods = WaitingPods(clock)
    pods.show(runtime("a"))
    pods.ended(ended("b", "a"))  # by another gateway
    clock.now += 1000
    pods.show(runtime("a"))
    assert chosen(pods) is None


def test_a_named_pod_that_was_not_used_is_named_again() -> None:
    pods = WaitingPods()
    pods.show(runtime("a"))
    assert chosen(pods) == "a"
    pods.ended(ended("a", "b"))
    assert chosen(pods) == "a"


def test_a_named_pod_is_named_again_if_the_execution_was_not_created() -> None:
    pods = WaitingPods()
    pods.show(runtime("a"))
    pod = pods.choose(SPEC)
    assert pod is not None
    pods.release(pod)
    assert pods.choose(SPEC) == pod


def test_a_named_pod_whose_end_is_missed_is_named_again_later() -> None:
    clock = Clock()
    pods = WaitingPods(clock)
    pods.show(runtime("a"))
    assert chosen(pods) == "a"
    clock.now += 61
    assert chosen(pods) == "a"


def test_a_reused_pod_is_named_for_its_tenant_alone_and_preferred_there() -> None:
    pods = WaitingPods()
    pods.show(runtime("a", "b", reuse="SameTenant"))
    pods.ended(ended("a", "a"))
    assert chosen(pods, tenant="other") == "b"
    assert chosen(pods, tenant="other") is None
    assert chosen(pods) == "a"
    pods.ended(ended("a", "a"))
    assert chosen(pods) == "a"


def test_a_reused_pod_counts_as_used_until_a_program_in_it_ends() -> None:
    pods = WaitingPods()
    pods.show(runtime("a", "b", reuse="SameTenant"))
    assert {chosen(pods), chosen(pods)} == {"a", "b"}
    pods.ended(ended("a", "b"))
    assert chosen(pods) == "b"
    pods.ended(ended("b", "a"))
    assert chosen(pods) == "a"


def test_of_the_pods_of_a_tenant_the_one_that_ended_first_is_named() -> None:
    """It has had the longest time to clean up."""
    pods = WaitingPods()
    pods.show(runtime("a", "b", "c", reuse="SameTenant"))
    for uid in ("b", "c", "a", "c"):
        pods.ended(ended(uid, uid))
    assert [chosen(pods) for _ in range(4)] == ["b", "a", "c", None]


def test_gateways_prefer_different_pods() -> None:
    uids = [f"uid-{n}" for n in range(20)]
    first = set()
    for _ in range(20):
        pods = WaitingPods()
        pods.show(runtime(*uids))
        first.add(chosen(pods))
    assert len(first) > 1
