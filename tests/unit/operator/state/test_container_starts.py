"""The Events about started containers: which of them count."""

from __future__ import annotations

import asyncio
from typing import Any

from support.data.api_pods import pod

from cloche_kube.client import Rest
from cloche_kube.watch import Source
from cloche_operator.state.cache import Pods
from cloche_operator.state.container_starts import ContainerStarts

POD = pod(name="sbx-1", uid="mine")


def parts() -> tuple[ContainerStarts, Pods]:
    pods = Pods(range(40000, 40010))
    rest: Any = Rest.__new__(Rest)  # nothing is sent
    return ContainerStarts(rest, Source("/events", {}), pods), pods


def event(uid: str = "mine", name: str = "sbx-1") -> dict[str, Any]:
    return {"metadata": {}, "reason": "Started", "regarding": {"uid": uid, "name": name}}


async def test_the_event_of_an_awaited_pod_wakes_its_start() -> None:
    starts, pods = parts()
    with starts.awaited(POD) as hint:
        waiting = asyncio.create_task(pods.changed("sbx-1", 3600.0))
        await asyncio.sleep(0)
        starts.changed("ADDED", event())
        await waiting
        assert hint.arrived


async def test_an_aggregated_event_counts() -> None:
    starts, _ = parts()
    with starts.awaited(POD) as hint:
        starts.changed("MODIFIED", event())
        assert hint.arrived


async def test_an_event_that_expires_does_not_count() -> None:
    starts, _ = parts()
    with starts.awaited(POD) as hint:
        starts.changed("DELETED", event())
        assert not hint.arrived


async def test_events_of_other_pods_and_without_a_pod_are_ignored() -> None:
    starts, _ = parts()
    with starts.awaited(POD) as hint:
        starts.changed("ADDED", event(uid="earlier"))  # a Pod that had this name before
        starts.changed("ADDED", {"metadata": {}})
        starts.changed("ADDED", {"metadata": {}, "regarding": {"name": "sbx-1"}})
        assert not hint.arrived


async def test_nothing_is_kept_of_a_pod_that_is_not_awaited() -> None:
    starts, _ = parts()
    with starts.awaited(POD):
        pass
    for number in range(1000):
        starts.changed("ADDED", event(uid=f"other-{number}"))
    starts.changed("ADDED", event())
    with starts.awaited(POD) as hint:
        assert not hint.arrived
    assert not starts._awaited
