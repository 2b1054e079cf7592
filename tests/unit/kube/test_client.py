"""The client's calls, against a server in place of the API server."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from support.fixtures.operator.parts import answering, table

from cloche_kube.client import Rest
from cloche_kube.errors import GoneError, NotFoundError, UnavailableError
from cloche_kube.watch import watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from aiohttp.typedefs import Handler

PATH = "/api/v1/namespaces/n/pods"


@contextlib.asynccontextmanager
async def connected(handler: Handler, directory: Path, **how: Any) -> AsyncIterator[Rest]:
    async with answering([web.route("*", "/{path:.*}", handler)], directory) as kubeconfig:
        rest = await Rest.connect(str(kubeconfig), **how)
        try:
            yield rest
        finally:
            await rest.close()


def refused(code: int, reason: str) -> Callable[[web.Request], Any]:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response({"code": code, "reason": reason, "message": "no"}, status=code)

    return handler


async def test_writes_name_the_program_and_return_metadata(tmp_path: Path) -> None:
    seen: list[web.Request] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request)
        return web.json_response({"metadata": {"name": "a"}})

    async with connected(handler, tmp_path, agent="cloche-gateway") as rest:
        await rest.create(PATH, {"metadata": {"name": "a"}}, strict=True)
        await rest.patch(f"{PATH}/a", {"metadata": {}})
        await rest.patch(f"{PATH}/a", [])
    assert {request.headers["User-Agent"] for request in seen} == {"cloche-gateway"}
    assert all("as=PartialObjectMetadata;" in request.headers["Accept"] for request in seen)
    assert [request.query.get("fieldValidation") for request in seen] == ["Strict", None, None]
    assert [request.content_type for request in seen] == [
        "application/json",
        "application/merge-patch+json",
        "application/json-patch+json",
    ]


@pytest.mark.parametrize(("finalizers", "gone"), [([], True), (["kept.example.com/a"], False)])
async def test_a_deletion_reports_whether_a_finalizer_keeps_the_object(
    tmp_path: Path, finalizers: list[str], *, gone: bool
) -> None:
    async def handler(request: web.Request) -> web.Response:
        assert (await request.json())["preconditions"] == {"uid": "u"}
        return web.json_response({"metadata": {"finalizers": finalizers}})

    async with connected(handler, tmp_path) as rest:
        assert await rest.delete(f"{PATH}/a", uid="u") is gone


async def test_an_object_with_another_uid_is_not_found_by_a_deletion(tmp_path: Path) -> None:
    async with connected(refused(409, "Conflict"), tmp_path) as rest:
        with pytest.raises(NotFoundError):
            await rest.delete(f"{PATH}/a", uid="u")


async def test_a_response_that_is_not_json_is_an_unavailable_error(tmp_path: Path) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(text="<html>")

    async with connected(handler, tmp_path) as rest:
        with pytest.raises(UnavailableError) as raised:
            await rest.get(PATH)
    assert raised.value.sent


async def test_a_request_that_was_not_sent_had_no_effect(tmp_path: Path) -> None:
    async with answering([], tmp_path) as kubeconfig:
        rest = await Rest.connect(str(kubeconfig))
    try:
        with pytest.raises(UnavailableError) as raised:
            await rest.get(PATH)
    finally:
        await rest.close()
    assert not raised.value.sent


async def test_a_table_of_an_older_definition_is_an_unavailable_error(tmp_path: Path) -> None:
    async def handler(_: web.Request) -> web.Response:
        return table(["Name"], [["a"]])

    async with connected(handler, tmp_path) as rest:
        with pytest.raises(UnavailableError, match="has no column Phase"):
            _ = [row async for row in rest.rows(PATH, {}, "Name", "Phase")]


def watched(*events: dict[str, Any]) -> Handler:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(text="".join(json.dumps(event) + "\n" for event in events))

    return handler


async def test_a_watch_yields_its_events_and_ends_with_the_error_of_its_status(
    tmp_path: Path,
) -> None:
    added = {"type": "ADDED", "object": {"metadata": {"resourceVersion": "2"}}}
    too_old = {"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too old"}}
    async with (
        connected(watched(added, too_old), tmp_path) as rest,
        contextlib.aclosing(watch(rest, PATH, {"resourceVersion": "1"})) as events,
    ):
        assert [await anext(events), await anext(events)] == [None, added]
        with pytest.raises(GoneError, match="too old"):
            await anext(events)


async def test_an_event_that_cannot_be_read_is_an_unavailable_error(tmp_path: Path) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(text="{\n")

    async with connected(handler, tmp_path) as rest:
        with pytest.raises(UnavailableError, match="cannot be read"):
            _ = [event async for event in watch(rest, PATH, {})]
