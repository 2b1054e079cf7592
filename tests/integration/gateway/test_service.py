"""Routes without an API key: health, documentation, metrics. Languages that come and go."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from support.fixtures.gateway import runtime

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway

HELLO = {"code": "print(1)", "language": "python"}


@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_public_route_requires_no_key(gateway: Gateway, slash: str) -> None:
    gateway.http.headers.pop("X-API-Key")
    for path in ("/health", "/health/live", "/health/ready", "/api/v1/execute/health", "/metrics",
                 "/docs", "/openapi.json"):  # fmt: skip
        answer = await gateway.http.get(path + slash)
        assert answer.status_code == 200, path
        assert answer.headers["x-request-id"]
    root = await gateway.http.get("/")
    assert root.json()["name"] == "cloche"


async def test_an_idle_connection_is_kept_longer_than_uvicorns_default_of_5_seconds(
    gateway: Gateway,
) -> None:
    url = gateway.http.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(b"GET /health/live HTTP/1.1\r\nHost: cloche\r\n\r\n")
    await reader.readuntil(b"}\n")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(6):
            await reader.read(1)
    writer.close()


async def test_the_openapi_document_declares_responses_schemas_and_security(
    gateway: Gateway,
) -> None:
    document = (await gateway.http.get("/openapi.json")).json()
    post = document["paths"]["/api/v1/execute"]["post"]
    assert set(post["responses"]) == {
        "200",
        "400",
        "401",
        "403",
        "404",
        "409",
        "410",
        "413",
        "429",
        "500",
        "503",
    }
    schema = post["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/ExecuteRequest"}
    request = document["components"]["schemas"]["ExecuteRequest"]
    assert request["required"] == ["code", "language"]
    assert "additionalProperties" not in request, "unknown fields are ignored"
    for name in ("ExecuteResponse", "BatchItem", "StatusResponse", "SessionResponse"):
        of = document["components"]["schemas"][name]
        assert "warnings" in of["properties"]
        assert "warnings" not in of["required"]
    assert {"InputFile", "Resources", "ExecuteResponse"} <= set(document["components"]["schemas"])
    assert {"APIKeyHeader", "HTTPBearer"} == set(document["components"]["securitySchemes"])
    start = document["paths"]["/api/v1/execute/async"]["post"]
    assert set(start["responses"]) == {"202", *post["responses"]} - {"200"}
    for operation in (post, start):
        assert [p["name"] for p in operation["parameters"]] == ["strict", "Idempotency-Key"]
        assert operation["security"] == [{"APIKeyHeader": []}, {"HTTPBearer": []}]
    status = document["paths"]["/api/v1/execute/status/{execution_id}"]["get"]
    assert sorted(p["name"] for p in status["parameters"]) == ["execution_id", "wait"]
    session = document["paths"]["/api/v1/sessions"]["post"]
    assert set(session["responses"]) == {
        *("201", "400", "401", "403", "413", "429", "500", "503"),
    }
    assert "security" not in document["paths"]["/health"]["get"]
    assert document["servers"][0]["url"] == "/"
    assert not {"HTTPValidationError", "ValidationError"} & set(document["components"]["schemas"])
    for field in document["components"]["schemas"]["Usage"]["properties"].values():
        assert field["description"]
    for operations in document["paths"].values():
        for operation in operations.values():
            assert "422" not in operation["responses"]
            assert "400" in operation["responses"], "which an unknown parameter is answered with"


async def test_metrics_count_ended_executions_and_their_steps(gateway: Gateway) -> None:
    await gateway.run(HELLO)
    await gateway.run(HELLO, phase="Error", reason="ImagePullFailed")
    await gateway.http.get("/never/heard/of")
    text = (await gateway.http.get("/metrics")).text
    for line in (
        'sandbox_executions_total{language="python",status="completed"} 1.0',
        'sandbox_executions_total{language="python",status="failed"} 1.0',
        'sandbox_errors_total{reason="ImagePullFailed"} 1.0',
        'sandbox_execution_duration_seconds_count{language="python"} 2.0',
        'sandbox_step_seconds_count{step="created"} 2.0',
        'sandbox_step_seconds_count{step="queued"} 2.0',
        'sandbox_step_seconds_count{step="claimed"} 2.0',
        'sandbox_step_seconds_count{step="started"} 2.0',
        'sandbox_step_seconds_count{step="finished"} 2.0',
        'sandbox_step_seconds_bucket{le="0.001",step="recorded"} 0.0',
        'sandbox_step_seconds_bucket{le="0.0025",step="recorded"} 2.0',
        'sandbox_step_seconds_count{step="returned"} 2.0',
        'http_requests_total{method="POST",route="/api/v1/execute",status="200"} 1.0',
        'http_requests_total{method="GET",route="none",status="404"} 1.0',
        'http_request_duration_seconds_count{method="POST",route="/api/v1/execute"} 2.0',
        "sandbox_waiting_requests 0.0",
        'gateway_watch_up{watch="executions"} 1.0',
    ):
        assert line in text.splitlines(), line


async def test_an_applied_runtime_is_accepted_with_its_limits(gateway: Gateway) -> None:
    lua = {"code": "print(1)", "language": "Lua"}
    refused = await gateway.http.post("/api/v1/execute", json=lua)
    assert refused.json()["detail"] == (
        "Unsupported language: Lua. Supported languages: python, javascript, bash"
    )
    small = {"cpu": "1", "memory": "64Mi", "disk": "10Mi"}
    await gateway.cluster.apply_runtime(
        runtime("lua", "main.lua", resources={"defaults": small, "maximum": small})
    )

    async def known() -> bool:
        body = {**lua, "resources": {"memory_mb": 65}}
        answer = await gateway.http.post("/api/v1/execute", json=body)
        detail: str = answer.json()["detail"]
        rule = "resources.memory_mb: must be between 32 and 64 for lua, but is 65"
        return detail == rule

    await gateway.until(known, "lua")
    assert (await gateway.run(lua)).json()["language"] == "lua"
