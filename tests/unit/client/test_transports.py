"""Both clients on the wire: connections, broken answers, and what they send."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable

import pytest
from support.deadline import eventually
from support.fixtures.client.wire_server import Bytes, WireServer, answer, wire_server

from cloche_client import AsyncClient, Client, errors
from cloche_client.core.retry import Retry
from cloche_client.events import Event, Exit, Stderr, Stdout
from cloche_client.models import Result
from cloche_client.settings import Settings

KEY = "clk_secret"
RESULT = {"execution_id": "e", "stdout": "1\n", "stderr": "", "exit_code": 0, "reason": "Exited"}
DONE = answer(200, RESULT)
RETRY = Retry(attempts=3, seconds=5, jitter=lambda: 0.0)


def settings(url: str) -> Settings:
    return Settings(url, KEY)


def run_blocking(url: str, times: int = 1) -> list[Result]:
    with Client(settings=settings(url), retry=RETRY) as client:
        return [client.run("print(1)") for _ in range(times)]


def run_async(url: str, times: int = 1) -> list[Result]:
    async def run() -> list[Result]:
        async with AsyncClient(settings=settings(url), retry=RETRY) as client:
            return [await client.run("print(1)") for _ in range(times)]

    return asyncio.run(run())


def stream_blocking(url: str) -> list[Event]:
    with Client(settings=settings(url), retry=RETRY) as client:
        return list(client.stream("print(1)"))


def stream_async(url: str) -> list[Event]:
    async def run() -> list[Event]:
        async with AsyncClient(settings=settings(url), retry=RETRY) as client:
            return [event async for event in client.stream("print(1)")]

    return asyncio.run(run())


@pytest.fixture(params=["blocking", "asyncio"])
def run(request: pytest.FixtureRequest) -> Callable[..., list[Result]]:
    return {"blocking": run_blocking, "asyncio": run_async}[request.param]


@pytest.fixture(params=["blocking", "asyncio"])
def stream(request: pytest.FixtureRequest) -> Callable[[str], list[Event]]:
    return {"blocking": stream_blocking, "asyncio": stream_async}[request.param]


def header(server: WireServer, at: int, name: str) -> bytes | None:
    lines = server.requests[at].partition(b"\r\n\r\n")[0].split(b"\r\n")
    return next(
        (
            line.split(b": ", 1)[1]
            for line in lines
            if line.lower().startswith(name.encode() + b":")
        ),
        None,
    )


def test_requests_share_a_connection_and_have_the_key(run: Callable[..., list[Result]]) -> None:
    with wire_server(DONE) as server:
        assert [one.stdout for one in run(server.url, 3)] == ["1\n"] * 3
        assert server.connections == 1
        assert header(server, 0, "x-api-key") == KEY.encode()
        keys = {header(server, at, "idempotency-key") for at in range(3)}
    assert len(keys) == 3
    assert None not in keys


def test_a_path_of_the_url_comes_before_that_of_the_request(
    run: Callable[..., list[Result]],
) -> None:
    with wire_server(DONE) as server:
        run(f"{server.url}/cloche")
        assert server.requests[0].startswith(b"POST /cloche/api/v1/execute HTTP/1.1\r\n")


def test_a_connection_that_the_server_closed_meanwhile_is_not_used(
    run: Callable[..., list[Result]],
) -> None:
    with wire_server(answer(200, RESULT, close=True)) as server:
        assert len(run(server.url, 3)) == 3
        assert server.connections == 3


@pytest.mark.parametrize(
    "broken",
    [
        Bytes(b"", close=True),
        Bytes(b"HTTP/1.1 200 OK\r\nContent-Le", close=True),
        Bytes(DONE.data[:-5], close=True),
        Bytes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", close=True),
    ],
    ids=["nothing", "half a head", "half a body", "half a chunk"],
)
def test_a_broken_answer_is_requested_again_with_the_same_key(
    broken: Bytes, run: Callable[..., list[Result]]
) -> None:
    with wire_server(broken, DONE) as server:
        assert run(server.url)[0].exit_code == 0
        keys = {header(server, at, "idempotency-key") for at in range(2)}
        assert len(server.requests) == 2
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (answer(502, b"<html>Bad Gateway</html>"), "HTTP 502 without Cloche's JSON"),
        (answer(200, b"{}]"), "not JSON"),
        (answer(200, b"[]"), "not a JSON object"),
        (answer(302, b"", Location="http://elsewhere.example.org/"), "redirects"),
    ],
    ids=["html", "no json", "a list", "a redirection"],
)
def test_what_is_not_an_answer_of_cloche_is_an_error(
    wrong: Bytes, message: str, run: Callable[..., list[Result]]
) -> None:
    with wire_server(wrong) as server:
        with pytest.raises(errors.UnexpectedAnswerError, match=message) as caught:
            run(server.url)
        assert len(server.requests) == 1
    assert KEY not in str(caught.value)


def test_what_does_not_speak_http_is_an_error(run: Callable[..., list[Result]]) -> None:
    with (
        wire_server(Bytes(b"SSH-2.0-OpenSSH_9.2\r\n", close=True)) as server,
        pytest.raises((errors.UnexpectedAnswerError, errors.ConnectionFailedError)),
    ):
        run(server.url)


def test_a_server_that_cannot_be_reached_is_an_error(run: Callable[..., list[Result]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(errors.ConnectionFailedError, match=f"{url} cannot be reached") as caught:
        run(url)
    assert not caught.value.sent


def test_a_name_that_does_not_exist_is_an_error(run: Callable[..., list[Result]]) -> None:
    with pytest.raises(errors.ConnectionFailedError, match="cannot be reached") as caught:
        run("http://cloche.invalid")
    assert not caught.value.sent


def test_tls_to_a_server_without_tls_is_an_error(run: Callable[..., list[Result]]) -> None:
    with (
        wire_server(answer(400, b"", close=True)) as server,
        pytest.raises(errors.ConnectionFailedError, match="Is it http instead of https"),
    ):
        run(server.url.replace("http:", "https:"))


def chunked(*chunks: bytes, end: bool = True) -> Bytes:
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    body = b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in chunks)
    return Bytes(head + body + (b"0\r\n\r\n" if end else b""), close=not end)


STARTED = answer(202, {"execution_id": "e", "status": "pending"})
OUT = b'event: stdout\ndata: {"data": "a"}\nid: 1-1-0-0\n\n'
ERR = b'event: stderr\ndata: {"data": "b"}\nid: 1-1-1-0\n\n'
END = (
    b'event: exit\ndata: {"execution_id": "e", "status": "completed", '
    b'"result": {"exit_code": 0, "reason": "Exited"}}\nid: 1-1-1-1\n\n'
)


def test_a_stream_continues_after_a_broken_connection(
    stream: Callable[[str], list[Event]],
) -> None:
    with wire_server(STARTED, chunked(OUT, ERR[:10], end=False), chunked(ERR, END)) as server:
        found = stream(server.url)
        assert header(server, 1, "last-event-id") is None
        assert header(server, 2, "last-event-id") == b"1-1-0-0"
        assert len(server.requests) == 3
    assert found[:2] == [Stdout("a"), Stderr("b")]
    assert isinstance(found[2], Exit)


def test_events_come_before_the_stream_ends() -> None:
    open_end = chunked(OUT)
    held = Bytes(open_end.data[: -len(b"0\r\n\r\n")], hold=True)
    cancelled = answer(200, {"execution_id": "e", "status": "cancelled"})
    with wire_server(STARTED, held, cancelled) as server:
        with Client(settings=settings(server.url), retry=RETRY) as client:
            events = client.stream("print(1)")
            assert next(events) == Stdout("a")
            events.close()
        assert server.requests[2].startswith(b"DELETE /api/v1/executions/e HTTP/1.1\r\n")


def test_a_silent_stream_ends_where_the_caller_says_so() -> None:
    held = Bytes(chunked(OUT).data[: -len(b"0\r\n\r\n")], hold=True)
    with (
        wire_server(held) as server,
        Client(settings=settings(server.url), retry=RETRY) as client,
    ):
        began = time.monotonic()
        assert list(client.execution("e").events(silence=0.3)) == [Stdout("a")]
        assert time.monotonic() - began < 5


def test_a_cancelled_task_cancels_its_execution() -> None:
    state = {"execution_id": "e", "status": "running"}

    async def run(server: WireServer) -> None:
        async with AsyncClient(settings=settings(server.url), retry=RETRY) as client:
            task = asyncio.create_task(client.run("print(1)"))
            await eventually(lambda: server.requests, "the request")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    with wire_server(Bytes(b"", hold=True), answer(202, state), answer(200, state)) as server:
        asyncio.run(run(server))
        assert [one.split(b" ", 2)[:2] for one in server.requests] == [
            [b"POST", b"/api/v1/execute"],
            [b"POST", b"/api/v1/execute/async"],
            [b"DELETE", b"/api/v1/executions/e"],
        ]
        assert header(server, 0, "idempotency-key") == header(server, 1, "idempotency-key")


def test_the_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with wire_server(DONE) as server:
        monkeypatch.setenv("http_proxy", server.url)
        monkeypatch.setenv("no_proxy", "other.example.org")
        run_blocking("http://cloche.example.org")
        assert server.requests[0].startswith(
            b"POST http://cloche.example.org/api/v1/execute HTTP/1.1\r\n"
            b"Host: cloche.example.org\r\n"
        )
