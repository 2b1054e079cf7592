"""The claim on a real API server: of two operators that believe they lead, only one succeeds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import pytest
from support.clients.api_server import MERGE
from support.data.api_pods import pod
from support.fixtures.control_planes import ControlPlane
from support.fixtures.fake_cluster import FakeCluster
from support.fixtures.operator.parts import operator_parts

from cloche_api.resources.amounts import UsedResources
from cloche_api.resources.phases import Reason
from cloche_api.resources.typed_objects import ExecutionDict
from cloche_operator.context import Context
from cloche_operator.executions.status_writes import (
    Claim,
    ClaimLostError,
    claim,
    record,
    refuse,
    show_running,
)
from cloche_operator.model.execution import Execution, from_object, now
from cloche_operator.model.status import EndedError, Outcome, terminal


@pytest.fixture
async def ctx(control_plane: ControlPlane, cluster: FakeCluster) -> AsyncIterator[Context]:
    """The parts of an operator, in the stage's namespace."""
    async with operator_parts(control_plane.kubeconfig, cluster.namespace) as parts:
        yield parts


@pytest.fixture
def seen(cluster: FakeCluster) -> Execution:
    """An execution as each operator has seen it before the first claim."""
    cluster.submit("wanted")
    found = cluster.server.get(f"{cluster.executions}/wanted")
    return from_object(cast("ExecutionDict", found))


def of(name: str) -> Claim:
    """Return a claim with the Pod of this name."""
    used = UsedResources(cpu="1", memory="512Mi", disk="100Mi")
    return Claim(
        pod(name=name, uid=f"uid-of-{name}"), used, runtime_generation=1, queued=now(), warm=True
    )


async def test_the_second_of_two_claims_is_lost(
    ctx: Context, cluster: FakeCluster, seen: Execution
) -> None:
    await claim(ctx, seen, of("first"))
    with pytest.raises(ClaimLostError) as lost:
        await claim(ctx, seen, of("second"))
    assert lost.value.execution.pod_uid == "uid-of-first"
    assert cluster.status("wanted")["podUID"] == "uid-of-first"


async def test_a_claim_whose_response_was_lost_can_be_repeated(
    ctx: Context, seen: Execution
) -> None:
    first = await claim(ctx, seen, of("first"))
    assert await claim(ctx, seen, of("first")) == first


async def test_an_execution_cancelled_before_the_claim_is_not_claimed(
    ctx: Context, cluster: FakeCluster, seen: Execution
) -> None:
    cluster.cancel("wanted")
    with pytest.raises(EndedError) as ended:
        await claim(ctx, seen, of("first"))
    assert ended.value.reason is Reason.CANCELLED
    assert "podUID" not in cluster.status("wanted")


async def test_an_execution_annotated_before_the_claim_is_still_claimed(
    ctx: Context, cluster: FakeCluster, seen: Execution
) -> None:
    note = {"metadata": {"annotations": {"example.com/note": "seen"}}}
    cluster.server.merge(f"{cluster.executions}/wanted", note)
    await claim(ctx, seen, of("first"))
    assert cluster.status("wanted")["podUID"] == "uid-of-first"


async def test_an_operator_cannot_end_an_execution_that_another_has_claimed_since(
    ctx: Context, cluster: FakeCluster, seen: Execution
) -> None:
    """An operator that was frozen reports a Pod as lost that the current leader has replaced."""
    frozen = await claim(ctx, seen, of("first"))
    await claim(ctx, frozen, of("second"))
    lost = Outcome(Reason.POD_DELETED, "The Pod was deleted.", {})
    await record(ctx, frozen, terminal(frozen, lost, None, ctx.now()))
    status = cluster.status("wanted")
    assert (status["phase"], status["podUID"]) == ("Running", "uid-of-second")


async def test_an_end_is_recorded_after_the_execution_was_annotated(
    ctx: Context, cluster: FakeCluster, seen: Execution
) -> None:
    claimed = await claim(ctx, seen, of("first"))
    note = {"metadata": {"annotations": {"example.com/note": "seen"}}}
    cluster.server.merge(f"{cluster.executions}/wanted", note)
    lost = Outcome(Reason.POD_DELETED, "The Pod was deleted.", {})
    await record(ctx, claimed, terminal(claimed, lost, None, ctx.now()))
    assert cluster.status("wanted")["reason"] == "PodDeleted"


async def test_an_end_whose_response_was_lost_can_be_recorded_again(
    ctx: Context, cluster: FakeCluster, seen: Execution
) -> None:
    claimed = await claim(ctx, seen, of("first"))
    final = terminal(claimed, Outcome(Reason.POD_DELETED, "Gone.", {}), None, ctx.now())
    await record(ctx, claimed, final)
    written = ctx.records.size
    await record(ctx, claimed, final)
    assert ctx.records.size == written
    assert cluster.status("wanted")["message"] == "Gone."


@pytest.fixture
def named(cluster: FakeCluster) -> Execution:
    """An execution that names a waiting Pod, as the operator sees its creation."""
    cluster.submit("wanted", waitingPod={"name": "waiting", "uid": "uid-of-waiting"})
    found = cluster.server.get(f"{cluster.executions}/wanted")
    return from_object(cast("ExecutionDict", found))


async def test_the_pod_that_an_execution_names_counts_as_claimed_until_it_is_refused(
    ctx: Context, named: Execution
) -> None:
    assert (named.offered, named.pod_name, named.pod_uid) == (True, "waiting", "uid-of-waiting")
    assert await ctx.kube.unfinished() == [("wanted", named.uid, "waiting")]
    await ctx.lease.acquire()
    refused = await refuse(ctx, named)
    assert (refused.offered, refused.claimed) == (False, False)
    assert await ctx.kube.unfinished() == [("wanted", named.uid, "")]
    assert await refuse(ctx, named) == refused  # as if the answer had been lost


async def test_another_pod_than_the_named_one_can_be_claimed(
    ctx: Context, cluster: FakeCluster, named: Execution
) -> None:
    claimed = await claim(ctx, named, of("first"))
    assert (claimed.offered, claimed.pod_uid) == (False, "uid-of-first")
    with pytest.raises(ClaimLostError):
        await claim(ctx, named, of("second"))
    assert cluster.status("wanted")["podUID"] == "uid-of-first"


async def test_a_claim_succeeds_after_the_named_pod_was_refused_meanwhile(
    ctx: Context, named: Execution
) -> None:
    await ctx.lease.acquire()
    await refuse(ctx, named)
    assert (await claim(ctx, named, of("first"))).pod_uid == "uid-of-first"


async def test_the_end_of_an_execution_that_was_not_claimed_again_is_recorded_after_a_cancellation(
    ctx: Context, cluster: FakeCluster, named: Execution
) -> None:
    cluster.cancel("wanted")
    lost = Outcome(Reason.CANCELLED, "The execution was cancelled.", {})
    assert await record(ctx, named, terminal(named, lost, None, ctx.now()))
    assert cluster.status("wanted")["reason"] == "Cancelled"


async def test_the_end_of_an_execution_that_another_operator_has_claimed_is_not_recorded(
    ctx: Context, cluster: FakeCluster, named: Execution
) -> None:
    await claim(ctx, named, of("first"))
    lost = Outcome(Reason.POD_DELETED, "The Pod was deleted.", {})
    assert not await record(ctx, named, terminal(named, lost, None, ctx.now()))
    assert cluster.status("wanted")["podUID"] == "uid-of-first"


async def test_a_claim_that_is_shown_later_keeps_the_claim_of_another_operator(
    ctx: Context, cluster: FakeCluster, named: Execution
) -> None:
    await claim(ctx, named, of("first"))
    assert await show_running(ctx, named, of("waiting").fields()) == named
    assert cluster.status("wanted")["podUID"] == "uid-of-first"


def test_the_named_pod_cannot_change(cluster: FakeCluster, named: Execution) -> None:
    other = {"spec": {"waitingPod": {"name": "other", "uid": "uid-of-other"}}}
    path = f"{cluster.executions}/{named.name}"
    done = cluster.server.ask("PATCH", path, other, MERGE)
    assert "spec.waitingPod may not change" in done.text
