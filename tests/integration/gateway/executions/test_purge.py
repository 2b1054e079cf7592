"""Removal of records on request, and the Idempotency-Keys that are kept afterwards."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from support.fixtures.gateway import ASYNC, EXECUTE, GONE, HELLO, KEY

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway


async def purge(gateway: Gateway, name: str, key: str = "first") -> tuple[int, dict[str, Any]]:
    headers = {"X-API-Key": gateway.cluster.keys[key]}
    answer = await gateway.http.delete(f"/api/v1/executions/{name}?purge=true", headers=headers)
    return answer.status_code, answer.json()


async def tombstones(gateway: Gateway) -> list[str]:
    return [one["metadata"]["name"] for one in await gateway.cluster.tombstones()]


async def gone(gateway: Gateway) -> None:
    async def none_left() -> bool:
        return not await gateway.cluster.executions()

    await gateway.until(none_left, "the record to be removed")


async def test_purging_removes_the_record_of_an_ended_execution(gateway: Gateway) -> None:
    name = await gateway.start()
    await gateway.cluster.end(name)
    assert await purge(gateway, name) == (200, {"message": f"Execution {name} removed"})
    assert await gateway.cluster.executions() == []
    assert await tombstones(gateway) == []
    found = await gateway.http.get(f"/api/v1/executions/{name}")
    assert (found.status_code, (await purge(gateway, name))[0]) == (404, 404)


@pytest.mark.parametrize("phase", ["Pending", "Running"])
async def test_purging_an_execution_that_has_not_ended_is_409(gateway: Gateway, phase: str) -> None:
    name = await gateway.start()
    if phase == "Running":
        await gateway.cluster.end(name, phase="Running", reason=None, completionTime=None)
    status, body = await purge(gateway, name)
    assert (status, body["detail"].split(".")[0]) == (409, f"Execution {name} has not ended")
    assert (await gateway.cluster.read(name))["spec"]["cancel"] is False


async def test_purging_another_tenants_record_is_404(gateway: Gateway) -> None:
    name = await gateway.start()
    await gateway.cluster.end(name)
    assert await purge(gateway, name, key="other") == (
        404,
        {"detail": f"Execution {name} not found"},
    )
    assert len(await gateway.cluster.executions()) == 1


async def test_the_idempotency_key_of_a_purged_record_is_410(gateway: Gateway) -> None:
    name = await gateway.start(**KEY)
    await gateway.cluster.end(name)
    await purge(gateway, name)
    assert await tombstones(gateway) == [name]
    for route in (EXECUTE, ASYNC):
        for body in (HELLO, {**HELLO, "code": "2"}):
            answer = await gateway.http.post(route, json=body, headers=KEY)
            assert (answer.status_code, answer.json()) == (410, GONE)
    assert await gateway.cluster.executions() == []


async def test_cleaning_up_a_session_leaves_tombstones_for_its_keys(gateway: Gateway) -> None:
    body = {**HELLO, "session_id": "course"}
    name = await gateway.start(body, **KEY)
    await gateway.http.delete("/api/v1/execute/session/course")
    assert await gateway.cluster.executions() == []
    assert await tombstones(gateway) == [name]


@pytest.mark.parametrize("value", ["1", "yes", "", "True", "true "])
async def test_an_invalid_value_of_purge_is_400(shared_gateway: Gateway, value: str) -> None:
    path = "/api/v1/executions/550e8400-e29b-41d4-a716-446655440000"
    answer = await shared_gateway.http.delete(path, params={"purge": value})
    assert (answer.status_code, answer.json()) == (400, {"detail": "purge: must be true or false"})


async def test_deleting_with_purge_false_keeps_the_record(gateway: Gateway) -> None:
    name = await gateway.start()
    await gateway.cluster.end(name)
    answer = await gateway.http.delete(f"/api/v1/executions/{name}?purge=false")
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert len(await gateway.cluster.executions()) == 1


@pytest.mark.parametrize(("asked", "stored"), [(0, 60), (1, 60), (61, 61), (86400, 86400)])
async def test_a_record_is_stored_with_the_requested_ttl(
    gateway: Gateway, asked: int, stored: int
) -> None:
    body = {**HELLO, "ttl_seconds": asked}
    running = asyncio.create_task(gateway.http.post(EXECUTE, json=body))
    execution = await gateway.cluster.pending()
    assert execution["spec"]["ttlSecondsAfterFinished"] == stored
    await gateway.cluster.end(execution["metadata"]["name"])
    assert (await running).json()["stdout"] == "Hello, World!\n4\n"
    if asked == 0:
        await gone(gateway)
    else:
        assert len(await gateway.cluster.executions()) == 1


async def test_the_idempotency_key_of_a_record_with_ttl_zero_is_410(gateway: Gateway) -> None:
    body = {**HELLO, "ttl_seconds": 0}
    running = asyncio.create_task(gateway.http.post(EXECUTE, json=body, headers=KEY))
    name = (await gateway.cluster.pending())["metadata"]["name"]
    await gateway.cluster.end(name)
    assert (await running).status_code == 200
    await gone(gateway)
    again = await gateway.http.post(EXECUTE, json=body, headers=KEY)
    assert (again.status_code, again.json()) == (410, GONE)


async def test_a_batch_removes_only_the_records_with_ttl_zero(gateway: Gateway) -> None:
    items = [{**HELLO, "ttl_seconds": ttl} for ttl in (0, 3600)]
    running = asyncio.create_task(gateway.http.post("/api/v1/execute/batch", json=items))

    async def both() -> bool:
        return len(await gateway.cluster.executions()) == 2

    await gateway.until(both, "both executions")
    for execution in await gateway.cluster.executions():
        await gateway.cluster.end(execution["metadata"]["name"])
    assert [item["error"] for item in (await running).json()] == [None, None]

    async def one() -> bool:
        return len(await gateway.cluster.executions()) == 1

    await gateway.until(one, "one record to be removed")
    (left,) = await gateway.cluster.executions()
    assert left["spec"]["ttlSecondsAfterFinished"] == 3600


@pytest.mark.parametrize(
    ("path", "value", "detail"),
    [
        (ASYNC, 0, "ttl_seconds: must be at least 1, because with 0 the result could not be read"),
        (ASYNC, -1, "ttl_seconds: must be between 0 and 86400"),
        (EXECUTE, 86401, "ttl_seconds: must be between 0 and 86400"),
        (EXECUTE, "soon", "ttl_seconds: must be an integer"),
    ],
)
async def test_an_invalid_ttl_is_400(
    shared_gateway: Gateway, path: str, value: Any, detail: str
) -> None:
    answer = await shared_gateway.http.post(path, json={**HELLO, "ttl_seconds": value})
    assert (answer.status_code, answer.json()) == (400, {"detail": detail})
