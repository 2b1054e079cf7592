"""The websocket of Piston: one program, its messages and the codes that close it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from support.clients.raw_websocket import connected, handshake
from support.fixtures.gateway import Gateway, Start

from cloche_gateway.dialects.piston import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PATH = "/api/v2/connect"
INIT = {
    "type": "init", "language": "python", "version": "*", "files": [{"content": "print(1)"}],
}  # fmt: skip
RUNTIME = {"type": "runtime", "language": "python", "version": "0.0.0"}


@pytest.fixture
async def session(piston: Gateway) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": piston.cluster.keys["first"]}
    async with aiohttp.ClientSession(piston.url, headers=headers) as made:
        yield made


async def messages(socket: aiohttp.ClientWebSocketResponse) -> list[dict[str, Any]]:
    """Return all messages until the websocket is closed."""
    return [message.json() async for message in socket]


async def cancelled(gateway: Gateway, name: str) -> None:
    async def is_cancelled() -> bool:
        return bool((await gateway.cluster.read(name))["spec"].get("cancel"))

    await gateway.until(is_cancelled, "the cancellation")


async def test_a_program_is_told_from_its_runtime_to_its_exit(
    piston: Gateway, session: aiohttp.ClientSession
) -> None:
    async with session.ws_connect(PATH) as socket:
        await socket.send_json(INIT)
        execution = await piston.cluster.pending()
        await piston.cluster.end(
            execution["metadata"]["name"], stdout="a\n", stderr="b", exitCode=3
        )
        assert await messages(socket) == [
            RUNTIME,
            {"type": "stage", "stage": "run"},
            {"type": "data", "stream": "stdout", "data": "a\n"},
            {"type": "data", "stream": "stderr", "data": "b"},
            {"type": "exit", "stage": "run", "code": 3, "signal": None},
        ]
        assert socket.close_code == 4999
    assert execution["spec"]["tenant"] == "acme"
    await piston.until(lambda: piston.context.in_flight.of("first") == 0, "the end")
    assert piston.context.budget.used == 0


async def test_a_compiler_and_its_program_are_two_stages(
    piston: Gateway, session: aiohttp.ClientSession
) -> None:
    async with session.ws_connect("/api/v2/piston/connect/") as socket:
        await socket.send_json({**INIT, "language": "c++"})
        execution = await piston.cluster.pending()
        name = execution["metadata"]["name"]
        await piston.cluster.end(name, stdout="a", compileSeconds=1.5)
        assert (await messages(socket))[1:] == [
            {"type": "stage", "stage": "compile"},
            {"type": "exit", "stage": "compile", "code": 0, "signal": None},
            {"type": "stage", "stage": "run"},
            {"type": "data", "stream": "stdout", "data": "a"},
            {"type": "exit", "stage": "run", "code": 0, "signal": None},
        ]


async def test_a_compiler_that_fails_is_the_only_stage(
    piston: Gateway, session: aiohttp.ClientSession
) -> None:
    async with session.ws_connect(PATH) as socket:
        await socket.send_json({**INIT, "language": "c++"})
        execution = await piston.cluster.pending()
        await piston.cluster.end(
            execution["metadata"]["name"], reason="InvalidSyntax", exitCode=1, stdout="",
            stderr="error: x", compileSeconds=1.5, executionSeconds=0,
        )  # fmt: skip
        assert (await messages(socket))[1:] == [
            {"type": "stage", "stage": "compile"},
            {"type": "data", "stream": "stderr", "data": "error: x"},
            {"type": "exit", "stage": "compile", "code": 1, "signal": None},
        ]


async def test_sigkill_cancels_the_execution(
    piston: Gateway, session: aiohttp.ClientSession
) -> None:
    async with session.ws_connect(PATH) as socket:
        await socket.send_json(INIT)
        assert await socket.receive_json() == RUNTIME
        for _ in range(3):
            await socket.send_json({"type": "signal", "signal": "SIGKILL"})
        name = (await piston.cluster.executions())[0]["metadata"]["name"]
        await cancelled(piston, name)
        await piston.cluster.end(name, phase="Cancelled", reason="Cancelled", stdout="a")
        found = await messages(socket)
        assert found[-1] == {"type": "exit", "stage": "run", "code": None, "signal": "SIGKILL"}
        assert socket.close_code == 4999


async def test_input_and_other_signals_are_refused_and_the_program_goes_on(
    piston: Gateway, session: aiohttp.ClientSession
) -> None:
    async with session.ws_connect(PATH) as socket:
        await socket.send_json(INIT)
        assert await socket.receive_json() == RUNTIME
        await socket.send_json({"type": "data", "stream": "stdin", "data": "a"})
        refused = await socket.receive_json()
        assert refused["type"] == "error"
        assert "standard input" in refused["message"]
        await socket.send_json({"type": "signal", "signal": "SIGTERM"})
        assert "SIGTERM is not supported" in (await socket.receive_json())["message"]
        await socket.send_json({"type": "something else"})
        await piston.cluster.end((await piston.cluster.pending())["metadata"]["name"])
        assert (await messages(socket))[-1]["type"] == "exit"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ([{"type": "data", "stream": "stdin", "data": ""}], 4003),
        ([{"type": "signal", "signal": "SIGKILL"}], 4003),
        ([INIT, INIT], 4000),
        ([INIT, {"type": "data", "stream": "stdout"}], 4004),
        ([INIT, {"type": "signal", "signal": "SIGNOTHING"}], 4005),
        ([INIT, {"type": "signal", "signal": 9}], 4005),
    ],
)
async def test_a_message_at_the_wrong_time_closes_with_the_code_of_piston(
    session: aiohttp.ClientSession, sent: list[dict[str, Any]], code: int
) -> None:
    async with session.ws_connect(PATH) as socket:
        for message in sent:
            await socket.send_json(message)
        await messages(socket)
        assert socket.close_code == code


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ("{", "body: is not valid JSON"),
        ("[]", "message: must be a JSON object"),
        ('{"type": "init"}', "language is required as a string"),
        ('{"type": "init", "language": "cobol", "version": "1", "files": []}', "cobol-1 runtime"),
        ("[" * 100, "body: must be nested"),
    ],
)
async def test_a_message_that_is_not_valid_is_an_error_and_closes(
    piston: Gateway, session: aiohttp.ClientSession, sent: str, message: str
) -> None:
    async with session.ws_connect(PATH) as socket:
        await socket.send_str(sent)
        (found,) = await messages(socket)
        assert found["type"] == "error"
        assert found["message"].startswith(message)
        assert socket.close_code == 4002
    assert await piston.cluster.executions() == []


async def test_a_websocket_without_init_is_closed(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "INIT_SECONDS", 0.1)
    async with session.ws_connect(PATH) as socket:
        await socket.send_json({"type": "unknown"})
        assert await messages(socket) == []
        assert socket.close_code == 4001


async def test_a_client_that_leaves_cancels_its_execution(
    piston: Gateway, session: aiohttp.ClientSession
) -> None:
    async with session.ws_connect(PATH) as socket:
        await socket.send_json(INIT)
        assert await socket.receive_json() == RUNTIME
    await cancelled(piston, (await piston.cluster.executions())[0]["metadata"]["name"])
    await piston.until(lambda: len(piston.context.feeds) == 0, "the feed's end")


async def test_an_execution_that_the_system_lost_is_an_error(
    piston: Gateway, session: aiohttp.ClientSession
) -> None:
    async with session.ws_connect(PATH) as socket:
        await socket.send_json(INIT)
        execution = await piston.cluster.pending()
        await piston.cluster.end(execution["metadata"]["name"], phase="Error", reason="NodeLost")
        found = (await messages(socket))[-1]
        assert found["type"] == "error"
        assert found["message"] == "Execution failed: the node of its Pod was lost"
        assert socket.close_code == 4002


async def test_a_websocket_needs_a_key_and_counts_as_a_request_of_it(start: Start) -> None:
    settings: dict[str, Any] = {"dialects": ("piston",), "requests_per_key": 1}
    async with start(**settings) as gateway, aiohttp.ClientSession(gateway.url) as session:
        for headers, status in (({}, 401), ({"X-API-Key": "wrong"}, 401)):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(PATH, headers=headers)
            assert refused.value.status == status
        headers = {"X-API-Key": gateway.cluster.keys["first"]}
        async with session.ws_connect(PATH, headers=headers) as socket:
            await socket.send_json(INIT)
            assert await socket.receive_json() == RUNTIME
            assert (await gateway.http.get("/api/v2/runtimes")).status_code == 429
            await gateway.cluster.end((await gateway.cluster.pending())["metadata"]["name"])
            await messages(socket)
        await gateway.until(lambda: gateway.context.in_flight.of("first") == 0, "the end")


async def test_a_page_needs_an_origin_that_is_allowed(start: Start) -> None:
    async with start(
        dialects=("piston",), keyless={"piston": "first"}, cors_origins=("https://a.example",)
    ) as gateway:
        for origin, status in (("https://b.example", 403), ("https://a.example", 101)):
            sent = handshake(PATH, None, f"Origin: {origin}")
            async with connected(gateway.server.bound_port, sent) as socket:
                assert (await socket.head()).startswith(f"HTTP/1.1 {status} ".encode())


async def test_a_gateway_that_stops_closes_its_websockets(start: Start) -> None:
    async with start(dialects=("piston",), drain_seconds=0) as gateway:
        headers = {"X-API-Key": gateway.cluster.keys["first"]}
        async with (
            aiohttp.ClientSession(gateway.url) as session,
            session.ws_connect(PATH, headers=headers) as socket,
        ):
            await socket.send_json(INIT)
            assert await socket.receive_json() == RUNTIME
            gateway.server.should_exit = True
            found = (await messages(socket))[-1]
            assert "returns its result" in found["message"]
            assert socket.close_code == 1012
        await asyncio.wait_for(asyncio.shield(gateway.serving), 10)
        (execution,) = await gateway.cluster.executions()
        assert not execution["spec"].get("cancel")
