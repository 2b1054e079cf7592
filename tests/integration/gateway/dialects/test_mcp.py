"""MCP: methods, eras, and the checks of requests."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from support.clients import mcp_messages as mcp
from support.fixtures.gateway import Gateway, Start

from cloche_gateway import __version__

SUPPORTED = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"]
SERVER = {"name": "cloche", "title": "Cloche", "version": __version__}
VERSION = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
PAGE = "https://app.example.com"
CACHED = {"resultType": "complete", "ttlMs": 300_000, "cacheScope": "public"}


async def test_discover_names_the_served_revisions_and_the_server(shared_gateway: Gateway) -> None:
    found = await mcp.ask(shared_gateway.http, "server/discover")
    assert "execute_code" in found.pop("instructions")
    assert found == {
        "resultType": "complete",
        "supportedVersions": SUPPORTED,
        "capabilities": {"tools": {}, "resources": {}},
        "ttlMs": 3_600_000,
        "cacheScope": "public",
        "_meta": {"io.modelcontextprotocol/serverInfo": SERVER},
    }


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("2025-11-25", "2025-11-25"),
        ("2025-06-18", "2025-06-18"),
        ("2025-03-26", "2025-03-26"),
        ("2024-11-05", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        (None, "2025-11-25"),
    ],
)
async def test_the_handshake_returns_the_revision_that_both_know(
    shared_gateway: Gateway, asked: str | None, given: str
) -> None:
    params = {"protocolVersion": asked, "capabilities": {}, "clientInfo": {"name": "x"}}
    answer = await shared_gateway.http.post(mcp.PATH, json=mcp.request("initialize", params))
    found = mcp.result(answer)
    assert "create_session" in found.pop("instructions")
    assert found == {
        "protocolVersion": given,
        "capabilities": {"tools": {"listChanged": False}, "resources": {}},
        "serverInfo": SERVER,
    }
    assert "mcp-session-id" not in answer.headers


async def test_a_handshake_with_the_header_of_the_newest_revision_is_a_handshake(
    shared_gateway: Gateway,
) -> None:
    headers = {"MCP-Protocol-Version": mcp.MODERN}
    body = mcp.request("initialize", {"protocolVersion": mcp.LEGACY})
    answer = await shared_gateway.http.post(mcp.PATH, json=body, headers=headers)
    assert mcp.result(answer)["protocolVersion"] == mcp.LEGACY


async def test_lists_have_the_lifetime_of_their_cache_in_the_modern_era_only(
    shared_gateway: Gateway,
) -> None:
    http = shared_gateway.http
    read = {"uri": "cloche://languages"}
    for method, params in (
        ("tools/list", {}),
        ("resources/list", {}),
        ("resources/templates/list", {"cursor": "x"}),
        ("resources/read", read),
    ):
        found = await mcp.ask(http, method, params)
        assert CACHED.items() <= found.items(), method
        older = await mcp.ask_legacy(http, method, params)
        assert older == {name: found[name] for name in found.keys() - CACHED.keys()}
    assert await mcp.ask_legacy(http, "ping") == {}


async def test_the_resource_has_the_installed_languages(shared_gateway: Gateway) -> None:
    (resource,) = (await mcp.ask(shared_gateway.http, "resources/list"))["resources"]
    assert (resource["uri"], resource["mimeType"]) == ("cloche://languages", "application/json")
    read = await mcp.ask(shared_gateway.http, "resources/read", {"uri": resource["uri"]})
    (content,) = read["contents"]
    assert (content["uri"], content["mimeType"]) == (resource["uri"], resource["mimeType"])
    assert [one["name"] for one in json.loads(content["text"])["languages"]] == [
        *("python", "javascript", "bash"),
    ]
    templates = await mcp.ask(shared_gateway.http, "resources/templates/list")
    assert templates["resourceTemplates"] == []


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
async def test_other_http_methods_are_405(shared_gateway: Gateway, method: str) -> None:
    answer = await shared_gateway.http.request(method, mcp.PATH)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("method", ["initialized", "cancelled", "anything"])
async def test_a_notification_is_accepted_without_an_answer(
    shared_gateway: Gateway, method: str
) -> None:
    body = {"jsonrpc": "2.0", "method": f"notifications/{method}"}
    for headers in ({}, {"MCP-Protocol-Version": mcp.MODERN}):
        answer = await shared_gateway.http.post(mcp.PATH, json=body, headers=headers)
        assert (answer.status_code, answer.content) == (202, b"")


async def test_a_response_of_a_client_is_accepted_in_the_legacy_era_only(
    shared_gateway: Gateway,
) -> None:
    body = {"jsonrpc": "2.0", "id": 7, "result": {}}
    older = await shared_gateway.http.post(mcp.PATH, json=body)
    assert (older.status_code, older.content) == (202, b"")
    headers = {"MCP-Protocol-Version": mcp.MODERN}
    answer = await shared_gateway.http.post(mcp.PATH, json=body, headers=headers)
    assert mcp.error(answer) == (400, -32600)


@pytest.mark.parametrize(
    ("meta", "code"),
    [
        (None, -32602),
        ({}, -32602),
        ({VERSION: mcp.MODERN}, -32602),
        ({VERSION: mcp.MODERN, CAPABILITIES: []}, -32602),
        ({CAPABILITIES: {}}, -32602),
        ({VERSION: 20260728, CAPABILITIES: {}}, -32602),
        ({VERSION: "v999", CAPABILITIES: {}}, -32020),
        ("text", -32602),
    ],
)
async def test_a_modern_request_without_its_metadata_is_400(
    shared_gateway: Gateway, meta: Any, code: int
) -> None:
    body = mcp.request("tools/list", {} if meta is None else {"_meta": meta})
    answer = await mcp.send(shared_gateway.http, body)
    assert mcp.error(answer) == (400, code)
    assert answer.json()["id"] == 1


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("MCP-Protocol-Version", "2025-11-25"),
        ("MCP-Protocol-Version", None),
        ("Mcp-Method", "TOOLS/CALL"),
        ("Mcp-Method", None),
        ("Mcp-Name", "list_Languages"),
        ("Mcp-Name", None),
        ("Mcp-Name", "=?base64?bGlzdA==?="),
        ("Mcp-Name", "=?base64?%%%?="),
        ("Mcp-Name", "=?base64?/w==?="),
    ],
)
async def test_a_header_that_differs_from_the_body_is_400(
    shared_gateway: Gateway, header: str, value: str | None
) -> None:
    body = mcp.modern("tools/call", {"name": "list_languages"})
    headers = {k: v for k, v in mcp.headers_of(body).items() if k != header}
    if value is not None:
        headers[header] = value
    answer = await shared_gateway.http.post(mcp.PATH, json=body, headers=headers)
    assert mcp.error(answer) == (400, -32020)
    assert header in answer.json()["error"]["message"]


async def test_a_repeated_header_differs_from_the_body(shared_gateway: Gateway) -> None:
    body = mcp.modern("tools/list")
    headers = [*mcp.headers_of(body).items(), ("Mcp-Method", "tools/call")]
    answer = await shared_gateway.http.post(mcp.PATH, json=body, headers=headers)
    assert mcp.error(answer) == (400, -32020)


@pytest.mark.parametrize("name", ["list_languages", "=?base64?x?="])
async def test_a_name_in_base64_is_decoded(shared_gateway: Gateway, name: str) -> None:
    encoded = base64.b64encode(name.encode()).decode()
    body = mcp.modern("tools/call", {"name": name})
    answer = await mcp.send(shared_gateway.http, body, **{"Mcp-Name": f"=?base64?{encoded}?="})
    found = answer.json()
    assert answer.status_code == 200
    assert ("result" in found) == (name == "list_languages")


async def test_an_unknown_revision_is_400_with_the_served_ones(shared_gateway: Gateway) -> None:
    body = mcp.modern("tools/list", meta={VERSION: "v999"})
    answer = await mcp.send(shared_gateway.http, body, **{"MCP-Protocol-Version": "v999"})
    assert mcp.error(answer) == (400, -32022)
    assert answer.json()["error"]["data"] == {"supported": SUPPORTED, "requested": "v999"}
    older = {"MCP-Protocol-Version": "2024-11-05"}
    answer = await shared_gateway.http.post(mcp.PATH, json=mcp.request("tools/list"), headers=older)
    assert mcp.error(answer) == (400, -32022)


async def test_metadata_with_an_older_revision_is_served_as_that(shared_gateway: Gateway) -> None:
    body = mcp.modern("tools/list", meta={VERSION: mcp.LEGACY})
    answer = await shared_gateway.http.post(mcp.PATH, json=body)
    assert "ttlMs" not in mcp.result(answer)


@pytest.mark.parametrize(
    "method",
    [
        *("initialize", "ping", "prompts/list", "logging/setLevel", "subscriptions/listen"),
        *("resources/subscribe", "completion/complete", "", "tools/List"),
    ],
)
async def test_an_unknown_method_is_404_in_the_modern_era(
    shared_gateway: Gateway, method: str
) -> None:
    answer = await mcp.send(shared_gateway.http, mcp.modern(method))
    assert mcp.error(answer) == (404, -32601)
    assert answer.json()["id"] == 1


@pytest.mark.parametrize("method", ["server/discover", "prompts/list", "completion/complete"])
async def test_an_unknown_method_is_200_in_the_legacy_era(
    shared_gateway: Gateway, method: str
) -> None:
    answer = await shared_gateway.http.post(mcp.PATH, json=mcp.request(method))
    assert mcp.error(answer) == (200, -32601)


async def test_an_unknown_resource_is_an_error_with_its_uri(shared_gateway: Gateway) -> None:
    params = {"uri": "cloche://nothing"}
    answer = await mcp.send(shared_gateway.http, mcp.modern("resources/read", params))
    assert mcp.error(answer) == (200, -32602)
    assert answer.json()["error"]["data"] == params
    older = await shared_gateway.http.post(mcp.PATH, json=mcp.request("resources/read", params))
    assert mcp.error(older) == (200, -32002)


@pytest.mark.parametrize("key", [None, "clk_wrong"])
async def test_a_request_without_a_valid_key_is_401(
    shared_gateway: Gateway, key: str | None
) -> None:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    request = shared_gateway.http.build_request("POST", mcp.PATH, json={}, headers=headers)
    del request.headers["X-API-Key"]
    answer = await shared_gateway.http.send(request)
    assert mcp.error(answer) == (401, -32600)
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json()["id"] is None
    # Clients look for an authorization server then.
    found = await shared_gateway.http.get("/.well-known/oauth-protected-resource/mcp")
    assert found.status_code == 404


async def test_a_bearer_token_is_a_key(shared_gateway: Gateway) -> None:
    key = shared_gateway.cluster.keys["first"]
    body = mcp.modern("tools/list")
    headers = mcp.headers_of(body) | {"Authorization": f"Bearer {key}"}
    request = shared_gateway.http.build_request("POST", mcp.PATH, json=body, headers=headers)
    del request.headers["X-API-Key"]
    assert (await shared_gateway.http.send(request)).status_code == 200


async def test_a_page_is_served_only_if_its_origin_is_allowed(start: Start) -> None:
    async with start(cors_origins=(PAGE,)) as gateway:
        body = mcp.modern("tools/list")
        for origin, status in ((PAGE, 200), ("https://evil.example.com", 403), ("null", 403)):
            answer = await mcp.send(gateway.http, body, Origin=origin)
            assert answer.status_code == status
        assert mcp.error(answer) == (403, -32600)
        preflight = {
            "Origin": PAGE,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "mcp-protocol-version,mcp-method,mcp-name",
        }
        assert (await gateway.http.options(mcp.PATH, headers=preflight)).status_code == 200


async def test_no_page_is_served_by_default_and_each_with_a_star(start: Start) -> None:
    body = mcp.modern("tools/list")
    async with start() as gateway:
        assert (await mcp.send(gateway.http, body, Origin=PAGE)).status_code == 403
    async with start(cors_origins=("*",)) as gateway:
        assert (await mcp.send(gateway.http, body, Origin=PAGE)).status_code == 200


async def test_without_the_dialect_the_path_is_404(start: Start) -> None:
    async with start(dialects=()) as gateway:
        assert (await mcp.send(gateway.http, mcp.modern("tools/list"))).status_code == 404


async def test_a_message_beyond_the_rate_of_reads_is_429(start: Start) -> None:
    async with start(reads_per_minute=1) as gateway:
        assert (await mcp.send(gateway.http, mcp.modern("tools/list"))).status_code == 200
        answer = await mcp.send(gateway.http, mcp.modern("tools/list"))
        assert mcp.error(answer) == (429, -32600)
        assert int(answer.headers["Retry-After"]) > 0
