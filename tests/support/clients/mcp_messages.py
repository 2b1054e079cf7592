"""Messages of MCP as its clients send them, in both eras."""

from __future__ import annotations

import json
from typing import Any

import httpx

PATH = "/mcp"
MODERN, LEGACY = "2026-07-28", "2025-11-25"
_PREFIX = "io.modelcontextprotocol"
_NAMED_BY = {"tools/call": "name", "resources/read": "uri"}
META = {f"{_PREFIX}/protocolVersion": MODERN, f"{_PREFIX}/clientCapabilities": {}}
ACCEPT = "application/json, text/event-stream"


def request(method: str, params: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return a request without metadata."""
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}, **more}


def modern(
    method: str, params: dict[str, Any] | None = None, meta: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return a request with its metadata, to which `meta` is added."""
    return request(method, {**(params or {}), "_meta": {**META, **(meta or {})}})


def headers_of(body: dict[str, Any]) -> dict[str, str]:
    """Return the headers that repeat what a modern request has."""
    params = body["params"]
    headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": body["method"], "Accept": ACCEPT}
    if body["method"] in _NAMED_BY:
        headers["Mcp-Name"] = params[_NAMED_BY[body["method"]]]
    return headers


async def send(http: httpx.AsyncClient, body: dict[str, Any], **headers: str) -> httpx.Response:
    """POST a modern request with its headers, of which `headers` replaces some."""
    return await http.post(PATH, json=body, headers={**headers_of(body), **headers})


async def ask(
    http: httpx.AsyncClient, method: str, params: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the result of a modern request."""
    return result(await send(http, modern(method, params)))


async def ask_legacy(
    http: httpx.AsyncClient, method: str, params: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the result of a request of a client that has made the handshake."""
    headers = {"MCP-Protocol-Version": LEGACY, "Accept": ACCEPT}
    return result(await http.post(PATH, json=request(method, params), headers=headers))


async def call(http: httpx.AsyncClient, tool: str, **arguments: Any) -> dict[str, Any]:
    """Return the result of a modern call of a tool."""
    return await ask(http, "tools/call", {"name": tool, "arguments": arguments})


def result(answer: httpx.Response) -> dict[str, Any]:
    body = answer.json()
    assert answer.status_code == 200, body
    assert (body["jsonrpc"], body["id"]) == ("2.0", 1), body
    found: dict[str, Any] = body["result"]
    return found


def error(answer: httpx.Response) -> tuple[int, int]:
    """Return the status code and the code of an error."""
    body = answer.json()
    assert "result" not in body, body
    return answer.status_code, body["error"]["code"]


def text(outcome: dict[str, Any]) -> str:
    """Return the text of a tool's result."""
    return "\n".join(one["text"] for one in outcome["content"] if one["type"] == "text")


def messages(stream: str) -> list[dict[str, Any]]:
    """Return the messages of an event stream, without comments."""
    data = (line.removeprefix("data: ") for line in stream.splitlines() if line[:5] == "data:")
    return [json.loads(one) for one in data]
