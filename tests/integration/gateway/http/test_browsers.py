"""HEAD, cross-origin requests, and clients that ask for HTTP/2."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from support.fixtures.gateway import Start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from support.fixtures.gateway import Gateway

CHANGING = {"date", "x-request-id", "ratelimit-remaining", "ratelimit-reset", "content-length"}
PAGE = "https://app.example.com"
PREFLIGHT = {
    "Origin": PAGE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type,x-api-key,idempotency-key",
}


async def test_head_returns_the_headers_of_get_on_every_route(gateway: Gateway) -> None:
    started = await gateway.http.post(
        "/api/v1/execute/async", json={"language": "python", "code": "print(1)"}
    )
    name = started.json()["execution_id"]
    await gateway.cluster.end(name)
    document = (await gateway.http.get("/openapi.json")).json()
    paths = [path for path, operations in document["paths"].items() if "get" in operations]
    assert len(paths) > 10
    for path in [*paths, "/docs", "/docs/swagger-ui.css", "/openapi.json", "/nothing", "/health/"]:
        filled = path.replace("{execution_id}", name).replace("{language}", "python")
        got = await gateway.http.get(filled)
        head = await gateway.http.head(filled)
        assert (head.status_code, head.content) == (got.status_code, b""), filled
        # RFC 9112, 6.1: Transfer-Encoding may be omitted from the response to a HEAD.
        assert got.headers.keys() - head.headers.keys() <= {"transfer-encoding"}, filled
        assert head.headers.keys() <= got.headers.keys(), filled
        for header in head.headers.keys() - CHANGING:
            assert head.headers[header] == got.headers[header], (filled, header)
    metrics = (await gateway.http.get("/metrics")).text
    assert 'http_requests_total{method="HEAD",route="/health",status="200"} 2.0' in metrics


async def test_head_on_the_events_of_a_running_execution_ends_at_once(gateway: Gateway) -> None:
    started = await gateway.http.post(
        "/api/v1/execute/async", json={"language": "python", "code": "print(1)"}
    )
    path = f"/api/v1/executions/{started.json()['execution_id']}/events"
    head = await gateway.http.head(path)
    assert (head.status_code, head.headers["Content-Type"]) == (
        200,
        "text/event-stream; charset=utf-8",
    )
    await gateway.until(lambda: len(gateway.context.feeds) == 0, "the feed's end")


async def test_the_allow_header_lists_head_where_get_is_supported(shared_gateway: Gateway) -> None:
    assert (await shared_gateway.http.put("/health")).headers["Allow"] == "GET, HEAD"
    assert (await shared_gateway.http.head("/api/v1/execute")).status_code == 405


@pytest_asyncio.fixture
async def open_to_pages(start: Start) -> AsyncIterator[Gateway]:
    async with start(cors_origins=(PAGE, "http://localhost:3000")) as running:
        yield running


async def test_a_page_of_an_allowed_origin_receives_cors_headers(open_to_pages: Gateway) -> None:
    asked = await open_to_pages.http.options("/api/v1/execute", headers=PREFLIGHT)
    assert asked.status_code == 200
    assert asked.headers["Access-Control-Allow-Origin"] == PAGE
    assert "POST" in asked.headers["Access-Control-Allow-Methods"]
    allowed = asked.headers["Access-Control-Allow-Headers"].lower()
    assert {"x-api-key", "idempotency-key", "content-type"} <= set(allowed.split(", "))
    assert asked.headers["X-Request-ID"]
    for path, status in (("/health", 200), ("/api/v1/executions/none", 404)):
        got = await open_to_pages.http.get(path, headers={"Origin": PAGE})
        assert (got.status_code, got.headers["Access-Control-Allow-Origin"]) == (status, PAGE)
        assert got.headers["Vary"] == "Origin"
        exposed = set(got.headers["Access-Control-Expose-Headers"].split(", "))
        assert {"X-Request-ID", "Retry-After", "RateLimit-Remaining"} <= exposed
        assert "Access-Control-Allow-Credentials" not in got.headers


async def test_a_page_of_another_origin_receives_no_cors_headers(open_to_pages: Gateway) -> None:
    for origin in ("https://evil.example.com", "https://app.example.com.evil.org", "null"):
        asked = await open_to_pages.http.options(
            "/api/v1/execute", headers={**PREFLIGHT, "Origin": origin}
        )
        assert asked.status_code == 400
        assert "Access-Control-Allow-Origin" not in asked.headers
        got = await open_to_pages.http.get("/health", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in got.headers


async def test_a_gateway_without_cors_origins_rejects_preflight_requests(
    shared_gateway: Gateway,
) -> None:
    asked = await shared_gateway.http.options("/api/v1/execute", headers=PREFLIGHT)
    assert asked.status_code == 405
    assert not [name for name in asked.headers if name.startswith("access-control")]


@pytest.mark.parametrize("asks", ["--http2", "--http1.1", "--http1.0"])
async def test_curl_is_answered_with_each_http_version_it_requests(
    shared_gateway: Gateway, asks: str
) -> None:
    body = json.dumps({"language": "cobol", "code": "x" * 100_000})
    curl = await asyncio.create_subprocess_exec(
        *("curl", "--silent", "--show-error", "--max-time", "60", asks, "--data-binary", "@-"),
        *("--header", "Content-Type: application/json"),
        *("--header", f"X-API-Key: {shared_gateway.cluster.keys['first']}"),
        *("--write-out", "\n%{http_code}", f"{shared_gateway.url}/api/v1/execute"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await curl.communicate(body.encode())
    answer, _, status = out.decode().rpartition("\n")
    assert status == "400"
    assert json.loads(answer)["detail"].startswith("Unsupported language: cobol.")
