"""Idempotency-Key: one execution for all requests with one key, on all replicas."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from support.fixtures.gateway import Start

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway

EXECUTE = "/api/v1/execute"
ASYNC = "/api/v1/execute/async"
HELLO = {"code": "print(1)", "language": "python"}
KEY = {"Idempotency-Key": "order-1"}


async def end(gateway: Gateway, **status: Any) -> str:
    name: str = (await gateway.cluster.pending())["metadata"]["name"]
    await gateway.cluster.end(name, **status)
    return name


async def test_a_repeated_request_receives_the_same_result(gateway: Gateway) -> None:
    first = asyncio.create_task(gateway.http.post(EXECUTE, json=HELLO, headers=KEY))
    await end(gateway)
    # The order of fields, and null instead of an absent field, do not change the request.
    body = {"stdin": None, "language": "python", "code": "print(1)"}
    second = await gateway.http.post(EXECUTE, json=body, headers=KEY)
    assert second.json() == (await first).json()
    assert (second.status_code, len(await gateway.cluster.executions())) == (200, 1)


async def test_a_repeated_request_receives_the_same_error(gateway: Gateway) -> None:
    first = asyncio.create_task(gateway.http.post(EXECUTE, json=HELLO, headers=KEY))
    await end(gateway, phase="TimedOut", reason="DeadlineExceeded", exitCode=137)
    second = await gateway.http.post(EXECUTE, json=HELLO, headers=KEY)
    assert second.json() == (await first).json()
    assert second.status_code == 500


async def test_10_concurrent_requests_with_one_key_on_two_gateways_run_once(start: Start) -> None:
    async with start() as one, start() as other:
        asked = [
            asyncio.create_task(replica.http.post(EXECUTE, json=HELLO, headers=KEY))
            for replica in (one, other)
            for _ in range(5)
        ]
        await one.until(
            lambda: (
                sum(len(w) for r in (one, other) for w in r.context.waiters._waiting.values()) == 10
            ),
            "all to wait",
        )
        name = await end(one)
        for answer in await asyncio.gather(*asked):
            assert (answer.status_code, answer.json()["execution_id"]) == (200, name)
        assert len(await one.cluster.executions()) == 1


async def test_an_idempotency_key_with_another_request_is_409(gateway: Gateway) -> None:
    await gateway.http.post(ASYNC, json=HELLO, headers=KEY)
    for route in (EXECUTE, ASYNC):
        answer = await gateway.http.post(route, json={**HELLO, "code": "2"}, headers=KEY)
        assert (answer.status_code, answer.json()) == (
            409,
            {"detail": "Idempotency-Key: was already used with another request"},
        )
    (execution,) = await gateway.cluster.executions()
    assert execution["spec"]["code"] == HELLO["code"]


async def test_two_tenants_can_use_the_same_idempotency_key(gateway: Gateway) -> None:
    mine = await gateway.http.post(ASYNC, json=HELLO, headers=KEY)
    other = {**KEY, "X-API-Key": gateway.cluster.keys["other"]}
    theirs = await gateway.http.post(ASYNC, json={**HELLO, "code": "2"}, headers=other)
    assert (mine.status_code, theirs.status_code) == (202, 202)
    assert mine.json()["execution_id"] != theirs.json()["execution_id"]


async def test_a_repeated_asynchronous_request_returns_the_current_status(gateway: Gateway) -> None:
    first = await gateway.http.post(ASYNC, json=HELLO, headers=KEY)
    again = await gateway.http.post(ASYNC, json=HELLO, headers=KEY)
    assert again.json() == first.json()
    name = await end(gateway)
    last = await gateway.http.post(ASYNC, json=HELLO, headers=KEY)
    assert (last.status_code, last.json()["status"]) == (202, "completed")
    assert last.json()["result"]["execution_id"] == name


async def test_a_client_with_an_idempotency_key_that_disconnects_does_not_cancel(
    gateway: Gateway,
) -> None:
    asked = asyncio.create_task(gateway.http.post(EXECUTE, json=HELLO, headers=KEY))
    name = (await gateway.cluster.pending())["metadata"]["name"]
    asked.cancel()
    await gateway.until(lambda: len(gateway.context.waiters) == 0, "no waiter left")
    await gateway.context.canceller.finish()
    assert (await gateway.cluster.read(name))["spec"]["cancel"] is False
    again = asyncio.create_task(gateway.http.post(EXECUTE, json=HELLO, headers=KEY))
    await end(gateway)
    assert (await again).json()["execution_id"] == name


async def test_an_idempotency_key_can_be_used_again_once_its_record_was_deleted(
    gateway: Gateway,
) -> None:
    first = (await gateway.http.post(ASYNC, json=HELLO, headers=KEY)).json()["execution_id"]
    await gateway.cluster.delete(first)
    again = await gateway.http.post(ASYNC, json={**HELLO, "code": "2"}, headers=KEY)
    assert (again.status_code, again.json()["execution_id"]) == (202, first)


@pytest.mark.parametrize("key", [b"", b"x" * 256, b"\xc3\xa9"])
async def test_an_invalid_idempotency_key_is_400(shared_gateway: Gateway, key: bytes) -> None:
    for route in (EXECUTE, ASYNC):
        headers = {b"Idempotency-Key": key}
        answer = await shared_gateway.http.post(route, json=HELLO, headers=headers)
        assert (answer.status_code, answer.json()) == (
            400,
            {"detail": "Idempotency-Key: must be 1 to 255 printable ASCII characters"},
        )


async def test_a_repeated_idempotency_key_header_is_400(shared_gateway: Gateway) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = await shared_gateway.http.post(EXECUTE, json=HELLO, headers=headers)
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "Idempotency-Key: is given twice"},
    )


@pytest.mark.parametrize(("method", "path"), [("POST", "sessions"), ("POST", "execute/batch")])
async def test_an_idempotency_key_on_an_unsupported_route_is_400(
    shared_gateway: Gateway, method: str, path: str
) -> None:
    answer = await shared_gateway.http.request(
        method, f"/api/v1/{path}", json={"language": "python"}, headers=KEY
    )
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "Idempotency-Key: is supported only by /execute and /execute/async: remove it"},
    )


@pytest.mark.parametrize("labels", [{}, {"cloche.dev/tenant": "globex"}])
async def test_a_forged_execution_with_the_name_of_a_key_is_not_returned(
    gateway: Gateway, labels: dict[str, str]
) -> None:
    """A client that knows tenant and key can compute the name, and the hash of a request."""
    first = await gateway.http.post(ASYNC, json=HELLO, headers=KEY)
    name = first.json()["execution_id"]
    forged = await gateway.cluster.read(name)
    await gateway.cluster.delete(name)
    meta = {"name": name, "labels": labels, "annotations": forged["metadata"]["annotations"]}
    del forged["spec"]["tenant"], forged["spec"]["concurrency"], forged["status"]
    path = gateway.cluster.paths.executions
    await gateway.cluster.rest.call("POST", path, body={**forged, "metadata": meta})
    await gateway.cluster.end(name, stdout="forged")
    for route in (EXECUTE, ASYNC):
        answer = await gateway.http.post(route, json=HELLO, headers=KEY)
        assert (answer.status_code, answer.json()) == (
            500,
            {"detail": "Execution failed: another object has its name", "execution_id": name},
        )
