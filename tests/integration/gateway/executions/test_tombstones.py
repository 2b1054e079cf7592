"""An Idempotency-Key is kept longer than its record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from support.fixtures.gateway import ASYNC, EXECUTE, GONE, HELLO, KEY

from cloche_api.resources import tombstone
from cloche_gateway.services import tombstones

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway


async def test_an_idempotency_key_with_a_tombstone_is_410(gateway: Gateway) -> None:
    first = await gateway.start(**KEY)
    expires = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    await gateway.cluster.end(first, expirationTime=expires)
    record = await gateway.cluster.read(first)
    until = tombstones.expiration(gateway.context, record)
    for _ in range(2):
        await tombstones.leave(gateway.context, record["metadata"], "acme", until)
    await gateway.cluster.delete(first)
    (left,) = await gateway.cluster.tombstones()
    assert left["metadata"]["name"] == first
    spec = left["spec"]
    assert (spec["tenant"], datetime.fromisoformat(spec["expirationTime"])) == (
        "acme",
        datetime.fromisoformat(expires),
    )
    for route in (EXECUTE, ASYNC):
        answer = await gateway.http.post(route, json=HELLO, headers=KEY)
        assert (answer.status_code, answer.json()) == (410, GONE)
    other = {**KEY, "X-API-Key": gateway.cluster.keys["other"]}
    await gateway.start(**other)
    await gateway.start()


async def test_an_execution_refused_by_the_operator_as_record_removed_is_410(
    gateway: Gateway,
) -> None:
    name = await gateway.start(**KEY)
    await gateway.cluster.end(name, phase="Error", reason="RecordRemoved")
    answer = await gateway.http.post(EXECUTE, json=HELLO, headers=KEY)
    assert (answer.status_code, answer.json()["detail"]) == (410, GONE["detail"])


async def test_a_record_without_an_idempotency_key_leaves_no_tombstone(gateway: Gateway) -> None:
    name = await gateway.start()
    await gateway.cluster.end(name, expirationTime="2036-01-01T00:00:00Z")
    record = await gateway.cluster.read(name)
    until = tombstones.expiration(gateway.context, record)
    await tombstones.leave(gateway.context, record["metadata"], "acme", until)
    assert await gateway.cluster.tombstones() == []


@pytest.mark.parametrize("ended", [True, False])
async def test_cleaning_up_a_session_leaves_tombstones_for_an_hour(
    gateway: Gateway, *, ended: bool
) -> None:
    body = {**HELLO, "session_id": "s"}
    name = await gateway.start(body, **KEY)
    await gateway.start(body)
    if ended:
        await gateway.cluster.end(name)
    # The API server's header Date has a resolution of one second.
    before = datetime.now(UTC) + timedelta(seconds=tombstone.KEY_SECONDS - 1)
    answer = await gateway.http.delete("/api/v1/execute/session/s")
    assert answer.status_code == 200
    (left,) = await gateway.cluster.tombstones()
    assert left["metadata"]["name"] == name
    assert datetime.fromisoformat(left["spec"]["expirationTime"]) >= before
    again = await gateway.http.post(ASYNC, json=body, headers=KEY)
    assert (again.status_code, again.json()) == (410, GONE)


async def test_an_expired_tombstone_does_not_replace_that_of_a_removed_execution(
    gateway: Gateway,
) -> None:
    """The operator is about to delete it, and then the key would not be kept any more."""
    body = {**HELLO, "session_id": "s"}
    name = (await gateway.http.post(ASYNC, json=body, headers=KEY)).json()["execution_id"]
    path = gateway.cluster.paths.tombstones
    before = datetime.now(UTC) - timedelta(hours=1)
    expired = tombstone.manifest(name, "acme", "a" * 64, before)
    await gateway.cluster.rest.call("POST", path, body=expired)
    answer = await gateway.http.delete("/api/v1/execute/session/s")
    assert answer.status_code == 503
    assert len(await gateway.cluster.executions()) == 1

    await gateway.cluster.rest.call("DELETE", f"{path}/{name}")
    answer = await gateway.http.delete("/api/v1/execute/session/s")
    assert answer.status_code == 200
    (left,) = (await gateway.cluster.rest.call("GET", path))["items"]
    assert datetime.fromisoformat(left["spec"]["expirationTime"]) > datetime.now(UTC)
    assert await gateway.cluster.executions() == []
