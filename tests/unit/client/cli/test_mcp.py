"""The bridge from standard input to the gateway's `/mcp`."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from support.deadline import until
from support.fixtures.client.wire_server import Bytes, WireServer, answer, wire_server

from cloche_client.blocking.transport import Transport
from cloche_client.cli.commands.mcp import Bridge
from cloche_client.settings import Settings

MODERN = "2026-07-28"
CALL = {
    "jsonrpc": "2.0", "id": 7, "method": "tools/call",
    "params": {"name": "execute_code", "arguments": {}},
}  # fmt: skip
RESULT = {"jsonrpc": "2.0", "id": 7, "result": {}}


class Out(io.BytesIO):
    """What the client reads."""

    @property
    def messages(self) -> list[Any]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def out() -> Out:
    return Out()


def bridge(server: WireServer, out: Out) -> Bridge:
    return Bridge(Transport(Settings(server.url, "clk_secret")), out)


def line(message: Any) -> bytes:
    return json.dumps(message).encode() + b"\n"


def sent(server: WireServer, at: int) -> dict[str, str]:
    head = server.requests[at].partition(b"\r\n\r\n")[0].decode()
    pairs = (one.split(": ", 1) for one in head.split("\r\n")[1:] if ": " in one)
    return {name.lower(): value for name, value in pairs}


def test_the_version_that_initialize_agreed_on_is_a_header_of_later_requests(out: Out) -> None:
    start = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}
    agreed = {"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": "2025-11-25"}}
    with wire_server(answer(200, agreed), answer(202, b""), answer(200, RESULT)) as server:
        one = bridge(server, out)
        one.take(line(start))
        one.take(line({"jsonrpc": "2.0", "method": "notifications/initialized"}))
        one.take(line(CALL))
        one.finish()
        headers = [sent(server, at) for at in range(3)]
        assert server.requests[0].startswith(b"POST /mcp HTTP/1.1\r\n")
    assert "mcp-protocol-version" not in headers[0]
    assert headers[1]["mcp-protocol-version"] == headers[2]["mcp-protocol-version"] == "2025-11-25"
    assert out.messages == [agreed, RESULT]


def test_the_headers_of_the_stateless_revision_come_from_the_message(out: Out) -> None:
    meta = {"_meta": {"io.modelcontextprotocol/protocolVersion": MODERN}}
    call = {**CALL, "params": {"name": "náme", **meta}}
    with wire_server(answer(200, RESULT)) as server:
        one = bridge(server, out)
        one.take(line(call))
        one.finish()
        headers = sent(server, 0)
    assert headers["mcp-protocol-version"] == MODERN
    assert headers["mcp-method"] == "tools/call"
    assert headers["mcp-name"] == "=?base64?bsOhbWU=?="
    assert out.messages == [RESULT]


def test_progress_is_passed_on_before_the_result(out: Out) -> None:
    progress = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": 1}}
    body = "".join(f"data: {json.dumps(one)}\n\n" for one in (progress, RESULT)).encode()
    with wire_server(answer(200, body, Content_Type="text/event-stream")) as server:
        one = bridge(server, out)
        one.take(line(CALL))
        one.finish()
    assert out.messages == [progress, RESULT]


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (answer(401, {"detail": "API key is required"}), "HTTP 401: the API key is missing"),
        (answer(404, {"detail": "Not Found"}), "HTTP 404: MCP is not enabled there"),
        (answer(200, b"<html>"), "HTTP 200"),
        (Bytes(b"", close=True), "broke"),
    ],
    ids=["no key", "not enabled", "html", "nothing"],
)
def test_a_request_without_an_answer_gets_an_error(reply: Bytes, text: str, out: Out) -> None:
    with wire_server(reply) as server:
        one = bridge(server, out)
        one.take(line(CALL))
        one.finish()
    (message,) = out.messages
    assert (message["id"], message["error"]["code"]) == (7, -32000)
    assert text in message["error"]["message"]


def test_an_error_of_the_protocol_is_passed_on_as_it_is(out: Out) -> None:
    error = {"jsonrpc": "2.0", "id": 7, "error": {"code": -32601, "message": "unknown"}}
    with wire_server(answer(404, error)) as server:
        one = bridge(server, out)
        one.take(line(CALL))
        one.finish()
    assert out.messages == [error]


def test_a_cancelled_request_loses_its_connection_and_gets_no_answer(out: Out) -> None:
    with wire_server(Bytes(b"", hold=True), answer(202, b"")) as server:
        one = bridge(server, out)
        one.take(line(CALL))
        until(lambda: server.requests, "the request", 10, pause=0.01)
        one.take(
            line(
                {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}
            )
        )
        one.finish()
        assert len(server.requests) == 2
    assert out.messages == []


@pytest.mark.parametrize("text", [b"{\n", b"[]\n", b"5\n", b"x" * (4 * 1024 * 1024 + 1)])
def test_a_line_that_is_no_message_gets_an_error_and_the_next_is_served(
    text: bytes, out: Out
) -> None:
    with wire_server(answer(200, RESULT)) as server:
        one = bridge(server, out)
        one.take(text)
        one.take(line(CALL))
        one.finish()
    assert out.messages[0]["id"] is None
    assert out.messages[1] == RESULT
