"""MCP: progress while a program runs, and clients that leave. The tests act as the operator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from support.clients import mcp_messages as mcp
from support.fixtures.gateway import Gateway, Start

from cloche_gateway.cluster import feeds
from cloche_gateway.cluster.feed import Feed, Piece
from cloche_gateway.dialects.mcp import streaming

CALL = {"name": "execute_code", "arguments": {"code": "print(1)"}}
TOKEN = "token-1"


def call() -> dict[str, Any]:
    return mcp.modern("tools/call", CALL, {"progressToken": TOKEN})


async def the_feed(gateway: Gateway) -> Feed:
    await gateway.until(lambda: len(gateway.context.feeds) == 1, "the feed")
    (followed,) = gateway.context.feeds._feeds.values()
    return followed.feed


async def the_name(gateway: Gateway) -> str:
    name: str = (await gateway.cluster.pending())["metadata"]["name"]
    return name


async def cancelled(gateway: Gateway, name: str) -> bool:
    found = await gateway.cluster.read(name)
    return found["spec"].get("cancel") is True


async def lines_of(answer: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in answer.aiter_lines():
        for message in mcp.messages(line):
            yield message


async def test_progress_has_the_last_line_and_grows_until_the_result(gateway: Gateway) -> None:
    body = call()
    stream = gateway.http.stream("POST", mcp.PATH, json=body, headers=mcp.headers_of(body))
    async with stream as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Accel-Buffering"] == "no"
        name, feed = await the_name(gateway), await the_feed(gateway)
        messages = lines_of(answer)
        feed.add(Piece("started", time=0.0))
        first = await anext(messages)
        assert first == {
            "jsonrpc": "2.0",
            "method": "notifications/progress",
            "params": {
                "progressToken": TOKEN,
                "progress": 1,
                "message": "The program has started.",
            },
        }
        for number in range(50):  # far more than two a second
            feed.add(Piece("stdout", f"line {number}\n"))
        feed.add(Piece("stderr", "x" * 500 + "\n \n"))
        second = await anext(messages)
        assert second["params"]["progress"] == 52
        assert second["params"]["message"] == "x" * 197
        await gateway.cluster.end(name, stdout="all of it\n")
        rest = [message async for message in messages]
        assert all("method" in message for message in rest[:-1])
        assert rest[-1]["id"] == 1
        assert mcp.text(rest[-1]["result"]) == "all of it"
    await gateway.until(lambda: len(gateway.context.feeds) == 0, "the feed's end")
    await gateway.until(lambda: gateway.context.in_flight.of("first") == 0, "the request's end")


@pytest.mark.parametrize("accept", ["application/json", ""])
async def test_a_client_that_reads_no_streams_gets_one_object(
    gateway: Gateway, accept: str
) -> None:
    asked = asyncio.create_task(mcp.send(gateway.http, call(), Accept=accept))
    await gateway.cluster.end(await the_name(gateway))
    answer = await asked
    assert answer.headers["Content-Type"] == "application/json"
    assert mcp.result(answer)["isError"] is False


@pytest.mark.parametrize("token", [None, True, 1.5, {}, "x" * 300])
async def test_a_call_without_a_valid_token_gets_one_object(gateway: Gateway, token: Any) -> None:
    body = mcp.modern("tools/call", CALL, {"progressToken": token})
    asked = asyncio.create_task(mcp.send(gateway.http, body))
    await gateway.cluster.end(await the_name(gateway))
    assert (await asked).headers["Content-Type"] == "application/json"


async def test_a_silent_stream_has_comments(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "_SILENCE_SECONDS", 0.01)
    body = call()
    stream = gateway.http.stream("POST", mcp.PATH, json=body, headers=mcp.headers_of(body))
    async with stream as answer:
        lines = answer.aiter_lines()
        assert (await anext(lines)).startswith(":")
        await gateway.cluster.end(await the_name(gateway))
        rest = [line async for line in lines]
        assert [line for line in rest if line.startswith("data: ")]


async def test_a_refused_call_is_answered_without_a_stream(gateway: Gateway) -> None:
    body = mcp.modern(
        "tools/call", {"name": "execute_code", "arguments": {}}, {"progressToken": TOKEN}
    )
    answer = await mcp.send(gateway.http, body)
    assert mcp.result(answer)["isError"]
    assert answer.headers["Content-Type"] == "application/json"


async def test_without_room_for_a_feed_the_result_comes_without_progress(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "_LISTENERS", 0)
    asked = asyncio.create_task(mcp.send(gateway.http, call()))
    await gateway.cluster.end(await the_name(gateway), stdout="done\n")
    (message,) = mcp.messages((await asked).text)
    assert mcp.text(message["result"]) == "done"


async def test_a_failure_of_the_system_ends_the_stream_as_an_error(gateway: Gateway) -> None:
    asked = asyncio.create_task(mcp.send(gateway.http, call()))
    await gateway.cluster.end(await the_name(gateway), phase="Error", reason="NodeLost")
    assert mcp.messages((await asked).text)[-1]["error"]["code"] == -32603


@pytest.mark.parametrize("token", [TOKEN, None])
async def test_a_modern_client_that_disconnects_cancels_its_execution(
    gateway: Gateway, token: str | None
) -> None:
    body = mcp.modern("tools/call", CALL, {"progressToken": token})
    asked = asyncio.create_task(mcp.send(gateway.http, body))
    name = await the_name(gateway)
    asked.cancel()
    await gateway.until(lambda: cancelled(gateway, name), "the execution to be cancelled")
    await gateway.until(lambda: gateway.context.in_flight.of("first") == 0, "the request's end")
    assert len(gateway.context.feeds) == 0


@pytest.mark.parametrize("meta", [{"progressToken": TOKEN}, {}])
async def test_the_execution_of_a_legacy_client_that_disconnects_goes_on(
    gateway: Gateway, meta: dict[str, Any]
) -> None:
    body = mcp.request("tools/call", {**CALL, "_meta": meta})
    headers = {"Accept": mcp.ACCEPT}
    asked = asyncio.create_task(gateway.http.post(mcp.PATH, json=body, headers=headers))
    name = await the_name(gateway)
    await gateway.until(lambda: len(gateway.context.waiters) == 1, "the wait")
    asked.cancel()
    await gateway.until(lambda: gateway.context.in_flight.of("first") == 0, "the request's end")
    await gateway.context.canceller.finish()
    assert not await cancelled(gateway, name)
    assert len(gateway.context.feeds) == 0


async def test_a_session_whose_client_disconnects_is_removed_in_each_era(
    gateway: Gateway,
) -> None:
    cluster = gateway.cluster

    async def sessions() -> list[Any]:
        listed = await cluster.rest.call("GET", cluster.paths.sessions)
        items: list[Any] = listed["items"]
        return items

    async def none_left() -> bool:
        return not await sessions()

    params = {"name": "create_session", "arguments": {}}
    for body in (mcp.modern("tools/call", params), mcp.request("tools/call", params)):
        headers = mcp.headers_of(body) if "_meta" in body["params"] else {}
        asked = asyncio.create_task(gateway.http.post(mcp.PATH, json=body, headers=headers))
        await gateway.until(sessions, "a session")
        asked.cancel()
        await gateway.until(none_left, "the session to be removed")


@pytest.mark.parametrize("token", [TOKEN, None])
async def test_a_gateway_that_shuts_down_names_the_execution(
    start: Start, token: str | None
) -> None:
    async with start(drain_seconds=0) as gateway:
        body = mcp.modern("tools/call", CALL, {"progressToken": token})
        asked = asyncio.create_task(mcp.send(gateway.http, body))
        name = await the_name(gateway)
        # The wait begins before the execution is created, and a stream after it.
        begun = gateway.context.feeds if token else gateway.context.waiters
        await gateway.until(lambda: len(begun) == 1, "the wait, or the stream")
        gateway.context.drain()
        answer = await asked
        found = mcp.messages(answer.text)[-1]["result"] if token else mcp.result(answer)
        assert found["isError"]
        assert name in mcp.text(found)
        assert not await cancelled(gateway, name)
