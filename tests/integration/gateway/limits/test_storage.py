"""While the stored executions exceed their hard limit, only new executions are rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_kube.client import MERGE_PATCH

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway

HELLO = {"code": "print(1)", "language": "python"}
KEY = {"Idempotency-Key": "order-1"}


async def set_storage(gateway: Gateway, *, full: bool) -> None:
    """Set the condition as the operator does, and wait until the gateway has seen it."""
    condition = {
        "type": "StorageAvailable",
        "status": "False" if full else "True",
        "reason": "StorageFull" if full else "StorageFree",
        "message": "1.1 GiB of 1 GiB",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    await gateway.cluster.rest.call(
        "PATCH",
        f"{gateway.cluster.paths.runtimes}/python/status",
        body={"status": {"conditions": [condition]}},
        content_type=MERGE_PATCH,
    )
    known = gateway.context.languages
    await gateway.until(lambda: ("python" in known.storage_full) == full, "the condition")


async def test_new_executions_are_503_while_the_storage_is_full(gateway: Gateway) -> None:
    await set_storage(gateway, full=True)
    for route in ("", "/async"):
        answer = await gateway.http.post(f"/api/v1/execute{route}", json=HELLO)
        assert (answer.status_code, answer.json()) == (
            503,
            {"detail": "Service busy. Please try again later."},
        )
        assert int(answer.headers["Retry-After"]) > 0
    assert await gateway.cluster.executions() == []
    await set_storage(gateway, full=False)
    assert (await gateway.run(HELLO)).status_code == 200


async def test_a_repeated_request_returns_its_execution_while_the_storage_is_full(
    gateway: Gateway,
) -> None:
    route = "/api/v1/execute/async"
    first = await gateway.http.post(route, json=HELLO, headers=KEY)
    await set_storage(gateway, full=True)
    again = await gateway.http.post(route, json=HELLO, headers=KEY)
    assert (again.status_code, again.json()) == (202, first.json())
    new = await gateway.http.post(route, json=HELLO, headers={"Idempotency-Key": "order-2"})
    assert new.status_code == 503
    assert (await gateway.http.get(first.headers["Location"])).status_code == 200
