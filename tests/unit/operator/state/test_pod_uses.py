"""The deletion of a Pod waits for the executions that may need its log."""

from __future__ import annotations

import asyncio

from support.deadline import settled

from cloche_operator.state.pod_uses import PodUses


async def test_a_deletion_waits_until_no_execution_needs_the_log() -> None:
    uses = PodUses()
    uses.begin("pod", "first")
    uses.begin("pod", "second")
    waiting = asyncio.create_task(uses.ended("pod"))
    uses.end("first")
    await settled()
    assert not waiting.done()
    uses.end("second")
    await waiting
    assert list(uses) == []


async def test_an_execution_needs_one_pod_at_a_time() -> None:
    uses = PodUses()
    uses.begin("named", "first")
    uses.begin("claimed", "first")
    await uses.ended("named")
    assert list(uses) == ["first"]
    uses.end("first")
    await uses.ended("claimed")
