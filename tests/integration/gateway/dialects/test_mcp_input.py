"""MCP: messages that are not valid, too large, or hostile. None is an error of the gateway."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.clients import mcp_messages as mcp
from support.fixtures.gateway import Gateway

JSON = {"Content-Type": "application/json"}
LONE = "\ud800"
STRANGE: list[Any] = [None, True, 0, -1, 1.5, 2**70, "", LONE, "\0", [], [[]], {}, {"": None}]
TOOLS = ("execute_code", "list_languages", "create_session", "end_session")


async def post(gateway: Gateway, raw: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    answer = await gateway.http.post(mcp.PATH, content=raw, headers={**JSON, **headers})
    body: dict[str, Any] = answer.json()
    assert body["jsonrpc"] == "2.0", body
    return answer.status_code, body


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"", 400, -32700),
        (b"{", 400, -32700),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "x"', 400, -32700),
        (b"\xff", 400, -32700),
        (b"NaN", 400, -32700),
        (b"[" * 100 + b"]" * 100, 400, -32700),
        (b'{"id": 1, "id": 1}', 400, -32700),
        (b"1" * 500, 400, -32700),
        (b"[" + b"1," * 5000 + b"1]", 413, -32600),
        (b" " * (4 * 1024 * 1024 + 1), 413, -32600),
        (b"null", 400, -32600),
        (b"[]", 400, -32600),
        (b'[{"jsonrpc": "2.0", "id": 1, "method": "ping"}]', 400, -32600),
        (b'"text"', 400, -32600),
        (b"1", 400, -32600),
        (b"{}", 400, -32600),
        (b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}', 400, -32600),
        (b'{"jsonrpc": "2.0", "id": 1}', 400, -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": 5}', 400, -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}', 400, -32600),
    ],
    ids=range(20),
)
async def test_a_body_that_is_no_message_is_refused(
    shared_gateway: Gateway, raw: bytes, status: int, code: int
) -> None:
    found, body = await post(shared_gateway, raw)
    assert (found, body["error"]["code"]) == (status, code)
    assert "result" not in body


@pytest.mark.parametrize(
    "given", [None, True, 1.5, [], {}, "x" * 257, LONE, 2**63, -(2**63)], ids=range(9)
)
async def test_an_id_that_is_no_short_text_or_integer_is_400(
    shared_gateway: Gateway, given: Any
) -> None:
    raw = json.dumps({"jsonrpc": "2.0", "id": given, "method": "ping"}).encode()
    status, body = await post(shared_gateway, raw)
    assert (status, body["id"], body["error"]["code"]) == (400, None, -32600)


@pytest.mark.parametrize("given", [0, -5, 2**63 - 1, "", "x" * 256, "é\0"], ids=range(6))
async def test_a_valid_id_comes_back(shared_gateway: Gateway, given: str | int) -> None:
    raw = json.dumps({"jsonrpc": "2.0", "id": given, "method": "ping"}).encode()
    assert await post(shared_gateway, raw) == (
        200,
        {"jsonrpc": "2.0", "id": given, "result": {}},
    )
    # An error has it too.
    raw = json.dumps({"jsonrpc": "2.0", "id": given, "method": "pong"}).encode()
    assert (await post(shared_gateway, raw))[1]["id"] == given


@pytest.mark.parametrize("media_type", ["text/plain", "application/json-rpc", ""])
async def test_another_content_type_is_415(shared_gateway: Gateway, media_type: str) -> None:
    status, body = await post(shared_gateway, b"{}", **{"Content-Type": media_type})
    assert (status, body["error"]["code"]) == (415, -32600)


async def test_headers_that_cannot_be_served_are_400(shared_gateway: Gateway) -> None:
    for name, value in (("Content-Encoding", "gzip"), ("Idempotency-Key", "k")):
        status, body = await post(shared_gateway, b"{}", **{name: value})
        assert (status, body["error"]["code"]) == (400, -32600)


async def test_sessions_of_the_transport_and_positions_of_streams_are_ignored(
    shared_gateway: Gateway,
) -> None:
    headers = {"Mcp-Session-Id": "x", "Last-Event-ID": "y"}
    answer = await mcp.send(shared_gateway.http, mcp.modern("tools/list"), **headers)
    assert answer.status_code == 200
    assert "mcp-session-id" not in answer.headers


@pytest.mark.parametrize("method", ["tools/call", "resources/read", "tools/list", LONE, "x" * 999])
async def test_strange_parameters_are_never_an_error_of_the_gateway(
    shared_gateway: Gateway, method: str
) -> None:
    shapes = [
        shape
        for value in STRANGE
        for shape in (value, {"_meta": value}, {"name": value, "arguments": value}, {"uri": value})
    ]
    for params in shapes:
        for headers in ({}, {"MCP-Protocol-Version": mcp.MODERN, "Mcp-Method": "tools/call"}):
            body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            status, found = await post(shared_gateway, json.dumps(body).encode(), **headers)
            assert status < 500, (params, found)


@pytest.mark.parametrize("tool", TOOLS)
async def test_strange_arguments_are_never_an_error_of_the_gateway(
    shared_gateway: Gateway, tool: str
) -> None:
    names = ("code", "language", "stdin", "args", "files", "output_files", "timeout", "session_id")
    for value in STRANGE:
        for name in (*names, "idle_timeout", "lifetime", LONE, "[key]"):
            # Two other arguments are wrong, so that nothing is created.
            wrong = {"timeout": 0, "session_id": "mine", "lifetime": 0, "idle_timeout": 0}
            arguments = {"code": "x", **wrong, name: value}
            params = {"name": tool, "arguments": arguments}
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
            status, found = await post(shared_gateway, json.dumps(body).encode())
            assert status == 200, (arguments, found)
            assert "error" not in found, (arguments, found)


async def test_an_unknown_name_is_quoted_in_part(shared_gateway: Gateway) -> None:
    for method, params in (
        ("x" * 100_000, {}),
        ("tools/call", {"name": "x" * 100_000}),
        ("resources/read", {"uri": "x" * 100_000}),
    ):
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        _, found = await post(shared_gateway, json.dumps(body).encode())
        assert len(json.dumps(found)) < 1000
