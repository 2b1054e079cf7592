"""Clients of the websocket that break the protocol, send too much, or do not read."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import logging
from random import Random
from typing import TYPE_CHECKING

import pytest
from support.clients.raw_websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    RawWebSocket,
    connected,
    frame,
    handshake,
    text,
)
from support.fixtures.gateway import Gateway, Start

from cloche_gateway.dialects.piston import connect
from cloche_gateway.http import websocket
from cloche_gateway.http.route import BODY_BYTES

if TYPE_CHECKING:
    import contextlib

PATH = "/api/v2/connect"
INIT = {
    "type": "init", "language": "python", "version": "*", "files": [{"content": "print(1)"}],
}  # fmt: skip
KEY, GUID = b"AQIDBAUGBwgJCgsMDQ4PEA==", b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
INIT_BYTES = json.dumps(INIT).encode()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give slow machines time for `init`."""
    monkeypatch.setattr(connect, "INIT_SECONDS", 20)


def opened(gateway: Gateway, *sent: bytes) -> contextlib.AbstractAsyncContextManager[RawWebSocket]:
    key = gateway.cluster.keys["first"]
    return connected(gateway.server.bound_port, handshake(PATH, key), *sent)


async def has_started(socket: RawWebSocket) -> None:
    assert (await socket.head()).startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert (await socket.message())["type"] == "runtime"


async def is_free(gateway: Gateway) -> None:
    """Wait until nothing of a websocket is left."""

    def free() -> bool:
        context = gateway.context
        return context.in_flight.of("first") == 0 and context.budget.used == 0

    await gateway.until(free, "the websocket's end")


async def test_the_handshake_has_the_headers_of_each_response(piston: Gateway) -> None:
    async with opened(piston) as socket:
        head = (await socket.head()).decode().lower()
        assert "\r\nupgrade: websocket\r\n" in head
        accepted = base64.b64encode(hashlib.sha1(KEY + GUID).digest()).decode().lower()  # noqa: S324  as in the RFC
        assert f"\r\nsec-websocket-accept: {accepted}\r\n" in head
        assert "\r\nx-request-id: " in head
        assert "\r\nratelimit-limit: " in head
        assert "transfer-encoding" not in head
        assert "content-length" not in head


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_bytes_may_arrive_in_any_pieces(piston: Gateway, size: int) -> None:
    key = piston.cluster.keys["first"]
    sent = handshake(PATH, key) + text(INIT)
    async with connected(piston.server.bound_port) as socket:
        for at in range(0, len(sent), size):
            socket.writer.write(sent[at : at + size])
            await asyncio.sleep(0)
        await has_started(socket)


async def test_a_message_may_come_in_fragments_with_pings_between_them(piston: Gateway) -> None:
    parts = [frame(TEXT, INIT_BYTES[:1], fin=False), frame(PING, b"x")]
    parts += [frame(CONTINUATION, bytes([one]), fin=False) for one in INIT_BYTES[1:]]
    async with opened(piston, *parts, frame(CONTINUATION)) as socket:
        assert (await socket.head()).startswith(b"HTTP/1.1 101 ")
        assert await socket.frame() == (PONG, b"x")
        assert (await socket.message())["type"] == "runtime"


async def test_a_message_may_be_binary(piston: Gateway) -> None:
    async with opened(piston, frame(BINARY, INIT_BYTES)) as socket:
        await has_started(socket)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        pytest.param(frame(TEXT, INIT_BYTES, masked=False), 1002, id="unmasked"),
        pytest.param(frame(CONTINUATION, b"x"), 1002, id="continuation-of-nothing"),
        pytest.param(frame(3, b"x"), 1002, id="opcode"),
        pytest.param(frame(TEXT, b"x", fin=False) + frame(TEXT, b"x"), 1002, id="interleaved"),
        pytest.param(frame(PING, b"x" * 126), 1002, id="long-ping"),
        pytest.param(frame(PING, b"x", fin=False), 1002, id="fragment-of-ping"),
        pytest.param(b"\xf1\x80\x01\x02\x03\x04", 1002, id="extension"),
        pytest.param(frame(CLOSE, b"\x00"), 1002, id="half-of-a-code"),
        pytest.param(frame(CLOSE, b"\x03\xe8\xff"), 1007, id="reason-not-utf8"),
        pytest.param(frame(TEXT, declared=1 << 62), 1009, id="huge"),
        pytest.param(frame(TEXT, declared=BODY_BYTES + 1), 1009, id="too-large"),
        pytest.param(
            frame(TEXT, b"x", fin=False) + frame(CONTINUATION, declared=BODY_BYTES), 1009,
            id="too-large-together",
        ),
        pytest.param(frame(PING) * (websocket.FRAMES + 200), 1008, id="pings"),
        pytest.param(frame(PONG) * (websocket.FRAMES + 200), 1008, id="pongs"),
        pytest.param(
            frame(TEXT, b"{", fin=False) + frame(CONTINUATION, fin=False) * 1200, 1008,
            id="fragments",
        ),
        pytest.param(frame(CLOSE, b"\x03\xe8"), 1000, id="close"),
    ],
)  # fmt: skip
async def test_frames_against_the_protocol_or_the_limits_close_the_websocket(
    piston: Gateway, sent: bytes, code: int
) -> None:
    async with opened(piston, sent) as socket:
        assert (await socket.head()).startswith(b"HTTP/1.1 101 ")
        assert await socket.close_code() == code
        assert await socket.reader.read() == b""
    await is_free(piston)
    assert await piston.cluster.executions() == []


async def test_what_arrives_of_a_message_is_charged(piston: Gateway) -> None:
    begun = frame(TEXT, b" " * 1_000_000, declared=1_000_001)
    async with opened(piston, begun) as socket:
        assert (await socket.head()).startswith(b"HTTP/1.1 101 ")
        await piston.until(lambda: piston.context.budget.used == 2_000_000, "the charge")
    await is_free(piston)


async def test_a_message_without_room_in_the_memory_budget_closes(
    piston: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(piston.context.budget, "most", 1_000_000)
    async with opened(piston, frame(TEXT, b" " * 1_000_000, declared=1_000_001)) as socket:
        assert (await socket.head()).startswith(b"HTTP/1.1 101 ")
        assert await socket.close_code() == 1013
    await is_free(piston)


async def test_a_large_init_is_run(piston: Gateway) -> None:
    files = [{"content": "print(1)"}, {"content": "x" * 400_000}]
    async with opened(piston, text({**INIT, "files": files})) as socket:
        await has_started(socket)
    await is_free(piston)


async def test_messages_without_end_are_limited(piston: Gateway) -> None:
    """Nothing is read while a message is handled, so the rest waits in the kernel."""
    async with opened(piston, text(INIT)) as socket:
        await has_started(socket)
        sent = text({"type": "data", "stream": "stdin", "data": "x"}) * (websocket.FRAMES + 200)
        socket.writer.write(sent)
        assert await socket.close_code() == 1008
    await is_free(piston)


async def test_frames_after_the_close_are_limited(piston: Gateway) -> None:
    async with opened(piston, text({"type": "data"})) as socket:
        assert (await socket.head()).startswith(b"HTTP/1.1 101 ")
        assert await socket.close_code() == 4003
        socket.writer.write(frame(PING) * (websocket.FRAMES + 200))
        while await socket.reader.read(65536):
            pass
    await is_free(piston)


async def test_a_client_that_does_not_answer_the_close_is_disconnected(
    piston: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "CLOSE_SECONDS", 0.1)
    async with opened(piston, text({"type": "data"})) as socket:
        assert (await socket.head()).startswith(b"HTTP/1.1 101 ")
        assert await socket.close_code() == 4003
        with_reset = asyncio.gather(socket.reader.read(), return_exceptions=True)
        await asyncio.wait_for(with_reset, 10)
    await is_free(piston)


async def test_both_sides_may_close_at_the_same_time(piston: Gateway) -> None:
    closed = text({"type": "data"}) + frame(CLOSE, b"\x03\xe8")
    async with opened(piston, closed) as socket:
        assert (await socket.head()).startswith(b"HTTP/1.1 101 ")
        assert await socket.close_code() in (1000, 4003)
        assert await socket.reader.read() == b""
    await is_free(piston)


async def test_a_client_that_answers_no_ping_is_disconnected(
    piston: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "PING_SECONDS", 0.2)
    async with opened(piston, text(INIT)) as socket:
        await has_started(socket)
        found = await socket.frame()
        while found[0] != PING:
            found = await socket.frame()
        with_reset = asyncio.gather(socket.reader.read(), return_exceptions=True)
        await asyncio.wait_for(with_reset, 10)
    await is_free(piston)


async def test_a_client_that_does_not_read_is_disconnected(start: Start) -> None:
    async with start(dialects=("piston",), send_timeout_seconds=0.3) as gateway:
        async with gateway.slow_client() as stuck:
            before = gateway.connections
            stuck.sendall(handshake(PATH, gateway.cluster.keys["first"]) + text(INIT))
            name = (await gateway.cluster.pending())["metadata"]["name"]
            await gateway.cluster.end(name, stdout="\0" * 100_000)
            await gateway.until(lambda: gateway.connections == before - 1, "the disconnect")
        await is_free(gateway)


async def test_many_websockets_leave_nothing_behind(piston: Gateway) -> None:
    async def once(number: int) -> None:
        sent = [b"", text(INIT)[:20], text({"type": "x"}), frame(TEXT, b"{", fin=False)]
        async with opened(piston, sent[number % len(sent)]) as socket:
            assert (await socket.head()).startswith(b"HTTP/1.1 101 ")
            if number % 2:
                socket.writer.transport.abort()

    await asyncio.gather(*map(once, range(60)))
    await is_free(piston)
    await piston.until(lambda: piston.connections <= 1, "the connections' end")


@pytest.mark.parametrize(
    ("path", "lines", "status"),
    [
        ("/api/v2/runtimes", (), 200),
        ("/api/v1/execute/languages", (), 200),
        ("/api/v2/connect/x", (), 404),
        (PATH, ("Content-Length: 0",), 426),
        (PATH, ("Upgrade: h2c",), 426),
    ],
)
async def test_an_upgrade_elsewhere_is_ignored(
    piston: Gateway, path: str, lines: tuple[str, ...], status: int
) -> None:
    sent = handshake(path, piston.cluster.keys["first"], *lines)
    async with connected(piston.server.bound_port, sent) as socket:
        assert (await socket.head()).startswith(f"HTTP/1.1 {status} ".encode())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n", b""),
        (b"AQIDBAUGBwgJCgsMDQ4PEA==", b"AQID"),
        (b"AQIDBAUGBwgJCgsMDQ4PEA==", b"\xff\xfe"),
        (b"Version: 13", b"Version: 8"),
        (b"Sec-WebSocket-Version: 13\r\n", b""),
    ],
)
async def test_a_handshake_that_is_not_valid_is_400(
    piston: Gateway, old: bytes, new: bytes
) -> None:
    sent = handshake(PATH, piston.cluster.keys["first"]).replace(old, new)
    async with connected(piston.server.bound_port, sent) as socket:
        assert (await socket.head()).startswith(b"HTTP/1.1 400 ")


async def test_a_connection_can_have_other_requests_before_the_websocket(piston: Gateway) -> None:
    key = piston.cluster.keys["first"]
    first = f"GET /api/v2/runtimes HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n\r\n".encode()
    async with connected(piston.server.bound_port, first + handshake(PATH, key)) as socket:
        head = await socket.head()
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-l"))
        await socket.reader.readexactly(int(length.split(b": ")[1]))
        assert (await socket.head()).startswith(b"HTTP/1.1 101 ")


async def test_a_request_after_a_refused_websocket_is_answered(piston: Gateway) -> None:
    refused = handshake(PATH, None)
    live = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    async with connected(piston.server.bound_port, refused + live) as socket:
        head = await socket.head()
        assert head.startswith(b"HTTP/1.1 401 ")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-l"))
        await socket.reader.readexactly(int(length.split(b": ")[1]))
        assert (await socket.head()).startswith(b"HTTP/1.1 200 ")


def hostile(random: Random) -> bytes:
    """Return frames that are valid in parts."""
    messages = [
        INIT_BYTES, b'{"type": "data"}', b'{"type": "signal", "signal": "SIGKILL"}', b"[]", b"\xff",
        b'{"type": "init", "language": {}, "version": [], "files": {}}', b"",
    ]  # fmt: skip
    frames = []
    for _ in range(random.randrange(1, 8)):
        payload = random.choice(messages)
        frames.append(
            frame(
                random.choice([TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG, 3, 11]),
                payload,
                fin=random.random() < 0.8,
                masked=random.random() < 0.9,
                declared=random.choice([None, None, None, 0, 125, 126, 65536, 1 << 63]),
            )
        )
    sent = bytearray(b"".join(frames))
    for _ in range(random.randrange(3)):
        if sent:
            sent[random.randrange(len(sent))] = random.randrange(256)
    return bytes(sent)


async def test_hostile_frames_cause_no_failure(
    piston: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    random = Random(18)  # noqa: S311  the same frames in each run

    async def once(sent: bytes, cut: int) -> None:
        async with opened(piston) as socket:
            assert (await socket.head()).startswith(b"HTTP/1.1 101 ")
            for part in (sent[:cut], sent[cut:]):
                socket.writer.write(part)
                await asyncio.sleep(0)
            if cut % 2:
                socket.writer.transport.abort()

    for _ in range(8):
        await asyncio.gather(*(once(hostile(random), random.randrange(99)) for _ in range(25)))
    await is_free(piston)
    assert (await piston.http.get("/health/live")).status_code == 200
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []
