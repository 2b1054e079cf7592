"""Reading of logs: which logs are followed, and which lines are skipped. The API server is fake."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from aiohttp import web
from support.deadline import eventually
from support.fixtures.operator.parts import answering

from cloche_api.limits import MIB
from cloche_gateway.cluster import log_follower
from cloche_gateway.cluster.feed import Feed
from cloche_gateway.cluster.log_follower import Logs, Source
from cloche_gateway.cluster.waiters import Waiters
from cloche_gateway.limits.bytes import Budget
from cloche_kube.client import Rest
from cloche_kube.paths import Paths

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class Kubelet:
    """Serves logs. With `follow` the response stays open after the existing lines."""

    def __init__(self) -> None:
        self.log = b""
        self.asked: list[tuple[str, str]] = []
        self.over = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        pod, follow = request.match_info["pod"], request.query["follow"]
        self.asked.append((pod, follow))
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(self.log)
        if follow == "true":
            await self.over.wait()
        return response


@pytest.fixture
def kubelet() -> Kubelet:
    return Kubelet()


@pytest_asyncio.fixture
async def logs(kubelet: Kubelet, tmp_path: Path) -> AsyncIterator[Logs]:
    route = web.get("/api/v1/namespaces/n/pods/{pod}/log", kubelet.answer)
    async with answering([route], tmp_path) as kubeconfig:
        rest = await Rest.connect(str(kubeconfig))
        yield Logs(rest, Paths("n"), Waiters(rest, Paths("n")), per_node=1)
        kubelet.over.set()
        await rest.close()


def event(**fields: Any) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def source(logs: Logs, pod: str, node: str) -> tuple[Source, Feed]:
    feed = Feed(Budget(MIB, 1.0), "acme")
    obj = {
        "metadata": {"name": pod, "uid": "u"},
        "spec": {},
        "status": {"podName": pod, "nodeName": node},
    }
    return Source(logs, obj, feed), feed


async def test_a_log_over_the_nodes_limit_is_polled_instead_of_followed(
    logs: Logs, kubelet: Kubelet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_follower, "_POLL_SECONDS", 0.05)
    kubelet.log = event(event="started", execution="u") + event(event="stdout", data="one ")
    sources = [source(logs, pod, node) for pod, node in (("a", "x"), ("b", "x"), ("c", "y"))]
    tasks = []
    for reader, feed in sources:
        tasks.append(asyncio.create_task(reader._follow()))
        await eventually(lambda feed=feed: feed.at.stdout == 4, "what was printed")
    kubelet.log += event(event="stdout", data="two")
    polled = sources[1][1]
    await eventually(lambda: polled.at.stdout == 7, "what was printed meanwhile")
    assert [piece.text for piece in polled.pieces] == ["", "one ", "two"]
    assert dict(kubelet.asked) == {
        "a": "true",
        "b": "false",
        "c": "true",
    }
    assert logs.followed == {"x": 1, "y": 1}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(logs.followed.values()) == 0


async def test_an_overlong_line_is_skipped_without_rereading_the_log(
    logs: Logs, kubelet: Kubelet
) -> None:
    kubelet.log = (
        event(event="started", execution="u")
        + event(event="exit", execution="u", files="x" * 20 * MIB)
        + event(event="stdout", data="after")
    )
    reader, feed = source(logs, "a", "x")
    task = asyncio.create_task(reader._follow())
    await eventually(lambda: feed.at.stdout == 5, "what came after it")
    assert kubelet.asked == [("a", "true")]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
