"""The watches of executions and Pods pass each object on by itself."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, cast

from aiohttp import web
from support.fixtures.operator.parts import answering, operator_parts

from cloche_operator import watches
from cloche_operator.executions.dispatcher import Dispatcher

PATH = "/apis/cloche.dev/v1alpha1/namespaces/sandboxes/sandboxexecutions"
BOUND_SECONDS = 20.0


def execution(name: str) -> dict[str, Any]:
    return {"kind": "SandboxExecution", "metadata": {"name": name, "uid": f"uid-{name}"}}


class ApiServer:
    """An API server with two pages of executions and a watch with some events."""

    def __init__(self, events: list[tuple[str, str]], gone: str = "") -> None:
        self._events = events
        self._gone = gone
        self.limits: list[str] = []
        self.closing = asyncio.Event()
        self.routes = [web.get(PATH, self._get), web.get(f"{PATH}/{{name}}", self._one)]

    async def _get(self, request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            return await self._watch(request)
        self.limits.append(request.query["limit"])
        assert request.query["fieldSelector"]
        first = "continue" not in request.query
        metadata = {"resourceVersion": "7", "continue": "more" if first else ""}
        items = [execution("first" if first else "second")]
        return web.json_response({"metadata": metadata, "items": items})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        assert request.query["resourceVersion"] == "7"
        response = web.StreamResponse()
        await response.prepare(request)
        for kind, name in self._events:
            obj = execution(name)
            obj["metadata"]["resourceVersion"] = "8"
            await response.write(json.dumps({"type": kind, "object": obj}).encode() + b"\n")
        await self.closing.wait()
        return response

    async def _one(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name == self._gone:
            return web.json_response({"reason": "NotFound"}, status=404)
        return web.json_response(execution(name))


class Seen:
    """A dispatcher that records its calls. Each execution has a run whose end is not recorded."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self.calls: list[tuple[str, bool]] = []
        self.vanished_uids: list[str] = []
        self.complete = asyncio.Event()

    def awaits_end_of(self, uid: str) -> bool:
        return bool(uid)

    def observe(self, obj: dict[str, Any], *, listed: bool) -> None:
        self.calls.append((obj["metadata"]["name"], listed))
        self._count()
        if obj["metadata"]["name"] == "faulty":
            raise RuntimeError("a bug")

    def vanished(self, uid: str) -> None:
        self.vanished_uids.append(uid)
        self._count()

    def _count(self) -> None:
        if len(self.calls) + len(self.vanished_uids) == self._wanted:
            self.complete.set()


async def followed(server: ApiServer, seen: Seen, directory: Path) -> None:
    """Follow the executions until the dispatcher has got the wanted number of calls."""
    async with (
        asyncio.timeout(BOUND_SECONDS),
        answering(server.routes, directory) as kubeconfig,
        operator_parts(kubeconfig, "sandboxes") as ctx,
    ):
        following = asyncio.create_task(
            watches.follow_executions(ctx, cast("Dispatcher", seen)),
        )
        await seen.complete.wait()
        following.cancel()
        server.closing.set()


async def test_listed_executions_are_told_from_others(tmp_path: Path) -> None:
    server, seen = ApiServer([("ADDED", "third"), ("MODIFIED", "first")]), Seen(4)
    await followed(server, seen, tmp_path)
    assert seen.calls == [
        ("first", True),
        ("second", True),
        ("third", False),
        ("first", False),
    ]
    assert server.limits == ["5", "5"]


async def test_an_execution_that_causes_an_error_is_passed_over(tmp_path: Path) -> None:
    server, seen = ApiServer([("ADDED", "faulty"), ("ADDED", "third")]), Seen(4)
    await followed(server, seen, tmp_path)
    assert [name for name, _ in seen.calls] == ["first", "second", "faulty", "third"]


async def test_an_execution_that_left_the_watch_vanishes_only_if_it_is_gone(tmp_path: Path) -> None:
    server, seen = ApiServer([("DELETED", "ended"), ("DELETED", "first")], gone="first"), Seen(3)
    await followed(server, seen, tmp_path)
    assert seen.vanished_uids == ["uid-first"]
