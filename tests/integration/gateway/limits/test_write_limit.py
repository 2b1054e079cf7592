"""The limit on bytes that a tenant's executions write to etcd. Other tenants are not affected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.fixtures.gateway import Start

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway

ASYNC = "/api/v1/execute/async"
HELLO = {"code": "print(1)", "language": "python"}
MIB = 1024 * 1024
LARGE = {
    "code": "#" * 250_000, "stdin": "x" * 250_000, "language": "python",
}  # fmt: skip


async def refused(gateway: Gateway) -> Any:
    """Send large requests, and return the response to the first one that is rejected."""
    for _ in range(60):
        answer = await gateway.http.post(ASYNC, json=LARGE)
        if answer.status_code != 202:
            return answer
    raise AssertionError("nothing was refused")


async def test_a_tenant_over_its_write_limit_is_429_and_other_tenants_are_served(
    start: Start,
) -> None:
    async with start(write_bytes_per_tenant=16 * MIB) as gateway:
        answer = await refused(gateway)
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 1
        detail = answer.json()["detail"]
        assert detail.startswith("Too many bytes: ")
        assert "at most 16 MiB are free" in detail
        stored = await gateway.cluster.executions()
        sources = await gateway.cluster.sources()
        assert len(sources) == len(stored), "nothing was created for rejected requests"
        assert len(stored) * 500_000 < 16 * MIB
        small = await gateway.http.post(ASYNC, json=HELLO)
        assert small.status_code in (202, 429)
        other = {"X-API-Key": gateway.cluster.keys["other"]}
        assert (await gateway.http.post(ASYNC, json=LARGE, headers=other)).status_code == 202


async def test_a_repeated_request_is_answered_over_the_write_limit(start: Start) -> None:
    async with start(write_bytes_per_tenant=16 * MIB) as gateway:
        key = {"Idempotency-Key": "order-1"}
        first = await gateway.http.post(ASYNC, json=LARGE, headers=key)
        await refused(gateway)
        again = await gateway.http.post(ASYNC, json=LARGE, headers=key)
        assert (again.status_code, again.json()) == (202, first.json())
        name = first.json()["execution_id"]
        await gateway.cluster.end(name)
        ended = await gateway.http.post(ASYNC, json=LARGE, headers=key)
        assert (ended.status_code, ended.json()["status"]) == (202, "completed")


async def test_an_execution_created_by_another_gateway_is_charged_at_its_end(start: Start) -> None:
    async with start(write_bytes_per_tenant=16 * MIB) as one, start() as other:
        before = one.context.writes.used
        name = (await other.http.post(ASYNC, json=LARGE)).json()["execution_id"]
        assert one.context.writes.used == before
        await one.cluster.end(name, podUID="u", storedBytes=600_000)
        await one.until(lambda: one.context.writes.used > before + 500_000, "the end")
        spent = one.context.writes.used
        await one.until(
            lambda: not other.context.writes.knows(name),
            "the end to be charged by the other gateway",
        )
        # The stored spec also has the defaults, which the request does not have.
        assert abs(other.context.writes.used - spent + before) < 1000


async def test_a_request_that_creates_nothing_is_not_charged(start: Start) -> None:
    async with start() as gateway:
        before = gateway.context.writes.used
        key = {"Idempotency-Key": "order-1"}
        await gateway.http.post(ASYNC, json=HELLO, headers=key)
        once = gateway.context.writes.used
        await gateway.http.post(ASYNC, json=HELLO, headers=key)
        answer = await gateway.http.post(ASYNC, json={**HELLO, "code": "2"}, headers=key)
        assert answer.status_code == 409
        assert gateway.context.writes.used == once > before
