"""The claim on a real API server: of two operators that believe they lead, only one succeeds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.operator_parts import operator_parts
from support.planes import ControlPlane
from support.stage import Stage

from cloche_api.resources.amounts import UsedResources
from cloche_api.resources.phases import Reason
from cloche_operator.executions.finish import record
from cloche_operator.model.execution import Execution, from_object, now
from cloche_operator.model.outcome import EndedError, Outcome
from cloche_operator.model.status import terminal
from cloche_operator.pods.claim import Claim, ClaimLostError, claim
from cloche_operator.state.context import Context


@pytest.fixture
async def ctx(control_plane: ControlPlane, alone: Stage) -> AsyncIterator[Context]:
    """The parts of an operator, in the stage's namespace."""
    async with operator_parts(control_plane.kubeconfig, alone.namespace) as parts:
        yield parts


@pytest.fixture
def seen(alone: Stage) -> Execution:
    """An execution as each operator has seen it before the first claim."""
    alone.submit("wanted")
    return from_object(alone.server.get(f"{alone.executions}/wanted"))


def of(name: str) -> Claim:
    """Return a claim with the Pod of this name."""
    pod: dict[str, Any] = {"metadata": {"name": name, "uid": f"uid-of-{name}"}}
    used = UsedResources(cpu="1", memory="512Mi", disk="100Mi")
    return Claim(pod, used, runtime_generation=1, queued=now(), warm=True)


async def test_the_second_of_two_claims_is_lost(
    ctx: Context, alone: Stage, seen: Execution
) -> None:
    await claim(ctx, seen, of("first"))
    with pytest.raises(ClaimLostError) as lost:
        await claim(ctx, seen, of("second"))
    assert lost.value.execution.pod_uid == "uid-of-first"
    assert alone.status("wanted")["podUID"] == "uid-of-first"


async def test_a_claim_whose_answer_was_lost_counts_when_it_is_made_again(
    ctx: Context, seen: Execution
) -> None:
    first = await claim(ctx, seen, of("first"))
    assert await claim(ctx, seen, of("first")) == first


async def test_an_execution_that_was_cancelled_meanwhile_is_not_claimed(
    ctx: Context, alone: Stage, seen: Execution
) -> None:
    alone.cancel("wanted")
    with pytest.raises(EndedError) as ended:
        await claim(ctx, seen, of("first"))
    assert ended.value.reason is Reason.CANCELLED
    assert "podUID" not in alone.status("wanted")


async def test_an_execution_that_was_annotated_meanwhile_is_claimed_all_the_same(
    ctx: Context, alone: Stage, seen: Execution
) -> None:
    note = {"metadata": {"annotations": {"example.com/note": "seen"}}}
    alone.server.merge(f"{alone.executions}/wanted", note)
    await claim(ctx, seen, of("first"))
    assert alone.status("wanted")["podUID"] == "uid-of-first"


async def test_nobody_ends_what_another_operator_has_claimed_since(
    ctx: Context, alone: Stage, seen: Execution
) -> None:
    """An operator that was frozen reports a Pod as lost that the current leader has replaced."""
    frozen = await claim(ctx, seen, of("first"))
    await claim(ctx, frozen, of("second"))
    lost = Outcome(Reason.POD_DELETED, "The Pod was deleted.", {})
    await record(ctx, frozen, terminal(frozen, lost, None, ctx.now()))
    status = alone.status("wanted")
    assert (status["phase"], status["podUID"]) == ("Running", "uid-of-second")


async def test_an_end_is_written_though_the_execution_was_annotated_meanwhile(
    ctx: Context, alone: Stage, seen: Execution
) -> None:
    claimed = await claim(ctx, seen, of("first"))
    note = {"metadata": {"annotations": {"example.com/note": "seen"}}}
    alone.server.merge(f"{alone.executions}/wanted", note)
    lost = Outcome(Reason.POD_DELETED, "The Pod was deleted.", {})
    await record(ctx, claimed, terminal(claimed, lost, None, ctx.now()))
    assert alone.status("wanted")["reason"] == "PodDeleted"


async def test_an_end_whose_answer_was_lost_counts_when_it_is_written_again(
    ctx: Context, alone: Stage, seen: Execution
) -> None:
    claimed = await claim(ctx, seen, of("first"))
    final = terminal(claimed, Outcome(Reason.POD_DELETED, "Gone.", {}), None, ctx.now())
    await record(ctx, claimed, final)
    written = ctx.records.size
    await record(ctx, claimed, final)
    assert ctx.records.size == written
    assert alone.status("wanted")["message"] == "Gone."
