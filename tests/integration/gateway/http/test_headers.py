"""The security headers of each response, also of those that no route writes."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway

EXPECTED = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/health/live", 200),
        ("GET", "/metrics", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/nothing", 404),
        ("PUT", "/health", 405),
        ("POST", "/api/v1/execute", 400),
        ("GET", "/api/v1/executions/none", 404),
    ],
)
async def test_each_response_has_the_security_headers_once(
    shared_gateway: Gateway, method: str, path: str, status: int
) -> None:
    answer = await shared_gateway.http.request(method, path)
    assert answer.status_code == status
    for name, value in EXPECTED.items():
        assert answer.headers.get_list(name) == [value]


async def test_results_and_event_streams_have_the_security_headers(gateway: Gateway) -> None:
    done = await gateway.run({"code": "1", "language": "python"})
    events = await gateway.http.get(f"/api/v1/executions/{done.json()['execution_id']}/events")
    for answer in (done, events):
        assert answer.status_code == 200
        assert EXPECTED.items() <= dict(answer.headers).items()


async def test_the_response_to_invalid_http_has_the_security_headers(
    shared_gateway: Gateway,
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", shared_gateway.server.bound_port)
    writer.write(b"NONSENSE\r\n\r\n")
    head = (await reader.read()).partition(b"\r\n\r\n")[0].decode()
    writer.close()
    lines = head.split("\r\n")
    assert lines[0] == "HTTP/1.1 400 Bad Request"
    assert {f"{name}: {value}" for name, value in EXPECTED.items()} <= set(lines)


async def test_the_content_security_policy_of_docs_allows_only_its_own_assets(
    shared_gateway: Gateway,
) -> None:
    answer = await shared_gateway.http.get("/docs")
    (text,) = answer.headers.get_list("content-security-policy")
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = {name: words for name, *words in (part.split() for part in text.split("; "))}
    assert policy["default-src"] == policy["frame-ancestors"] == ["'none'"]
    assert policy["connect-src"] == ["'self'"]

    assert "://" not in answer.text, "no other host"
    assert "://" not in text
    (script,) = re.findall(r"<script>(.*?)</script>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy["script-src"]
    assert "'unsafe-inline'" not in policy["script-src"]
    assert policy["script-src"][0] == policy["style-src"][0] == "'self'"
    for source in re.findall(r'(?:<script src|rel="stylesheet" href)="([^"]+)"', answer.text):
        asset = await shared_gateway.http.get(source)
        kind = "text/javascript" if source.endswith(".js") else "text/css"
        assert asset.headers["content-type"].split(";")[0] == kind
        assert asset.headers["content-encoding"] == "gzip"
        assert asset.headers.get_list("cache-control") == ["public, max-age=3600"]
        assert asset.headers["x-content-type-options"] == "nosniff"
        assert len(asset.text) > 100_000
    assert "url: '/openapi.json'" in script


@pytest.mark.parametrize("name", ["favicon.png", "redoc.standalone.js", "..%2f__init__.py", "x"])
async def test_only_the_files_of_swagger_ui_are_served(shared_gateway: Gateway, name: str) -> None:
    answer = await shared_gateway.http.get(f"/docs/{name}")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})
    assert answer.headers.get_list("cache-control") == ["no-store"]
