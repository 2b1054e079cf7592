"""Each route rejects query parameters that the OpenAPI document does not declare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cloche_gateway.http.route import QUERY_BYTES

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway


async def operations(gateway: Gateway) -> list[tuple[str, str, dict[str, Any]]]:
    """Return method, path and description of each operation in the OpenAPI document, and /docs."""
    document = (await gateway.http.get("/openapi.json")).json()
    found = [
        (method.upper(), path, operation)
        for path, of in document["paths"].items()
        for method, operation in of.items()
    ]
    return [*found, ("GET", "/docs", {}), ("GET", "/docs/swagger-ui.css", {})]


def filled(path: str) -> str:
    for name in ("execution_id", "session_id", "language"):
        path = path.replace("{" + name + "}", "550e8400-e29b-41d4-a716-446655440000")
    return path


async def test_every_route_rejects_an_unknown_query_parameter(shared_gateway: Gateway) -> None:
    routes = await operations(shared_gateway)
    assert len(routes) > 20
    for method, path, _ in routes:
        answer = await shared_gateway.http.request(method, f"{filled(path)}?wiat=1")
        assert (answer.status_code, answer.json()) == (
            400,
            {"detail": "wiat: unknown parameter"},
        ), path


async def test_every_route_rejects_a_repeated_query_parameter(
    shared_gateway: Gateway,
) -> None:
    seen = 0
    for method, path, operation in await operations(shared_gateway):
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "query":
                seen, name = seen + 1, parameter["name"]
                url = f"{filled(path)}?{name}=1&{name}=1"
                answer = await shared_gateway.http.request(method, url)
                assert (answer.status_code, answer.json()) == (
                    400,
                    {"detail": f"{name}: is given twice"},
                )
    assert seen >= 8


@pytest.mark.parametrize("query", ["a&" * 10_000, "x" * (QUERY_BYTES + 1), "%00" * 10_000])
async def test_a_query_over_4_kib_is_rejected_before_it_is_parsed(
    shared_gateway: Gateway, query: str
) -> None:
    answer = await shared_gateway.http.get(f"/health?{query}")
    assert (answer.status_code, answer.json()) == (400, {"detail": "query: must be at most 4 KiB"})


@pytest.mark.parametrize("query", ["=", "=1", "a b=1", "%ff=1", "wait%00=1", "\u00e9=1"])
async def test_a_malformed_query_parameter_name_is_rejected(
    shared_gateway: Gateway, query: str
) -> None:
    answer = await shared_gateway.http.get(f"/api/v1/executions?{query}")
    assert answer.status_code == 400
    assert answer.json()["detail"].endswith(": unknown parameter")
