"""The SandboxSource of a large execution is created first and never left behind."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from support.fixtures.gateway import ASYNC, EXECUTE, GONE, HELLO, KEY, Start, bound_executions

from cloche_api import limits
from cloche_api.accounting.size import object_bytes
from cloche_api.accounting.write_limit import METADATA_BYTES

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway
    from support.fixtures.relay import Relay

LARGE: dict[str, Any] = {
    "code": "#" * limits.SOURCE_BYTES,
    "language": "python",
    "stdin": "in",
    "args": ["a"],
    "environment": {"A": "b"},
    "files": [{"path": "a", "content": "b"}],
    "output_files": ["*.png"],
}
GIVEN = ("code", "stdin", "args", "environment", "files")
LOOK = f"/api/v1/execute/status/{'0' * 8}-0000-0000-0000-{'0' * 12}"
"""The path of a request that opens a connection to the API server."""


async def no_sources(gateway: Gateway) -> None:
    async def none_left() -> bool:
        return not await gateway.cluster.sources()

    await gateway.until(none_left, "the source to be removed")


async def test_the_source_is_created_before_its_execution(gateway: Gateway) -> None:
    name = await gateway.start(LARGE)
    execution = await gateway.cluster.read(name)
    (source,) = await gateway.cluster.sources()
    assert execution["spec"]["source"] == {
        "name": source["metadata"]["name"],
        "bytes": object_bytes(source["spec"]),
    }
    assert not set(GIVEN) & execution["spec"].keys()
    assert execution["spec"]["outputFiles"] == ["*.png"]
    given = {field: LARGE[field] for field in GIVEN}
    assert source["spec"] == {"execution": name, "tenant": "acme", **given}
    # Both objects are in one etcd, whose revisions count the writes to all resources.
    first, second = (int(of["metadata"]["resourceVersion"]) for of in (source, execution))
    assert first < second


async def test_a_small_execution_has_no_source(gateway: Gateway) -> None:
    name = await gateway.start({**HELLO, "code": "#" * (limits.SOURCE_BYTES - 100)})
    assert "source" not in (await gateway.cluster.read(name))["spec"]
    assert await gateway.cluster.sources() == []


async def test_a_large_execution_is_answered_like_a_small_one(gateway: Gateway) -> None:
    answer = await gateway.run(
        LARGE, files=[{"path": "p.png", "contentBase64": "iVBO"}], filesTruncated=False
    )
    body = answer.json()
    assert (answer.status_code, body["stdout"]) == (200, "Hello, World!\n4\n")
    assert body["files"] == [{"path": "p.png", "content_base64": "iVBO"}]


async def test_an_execution_whose_source_was_lost_is_500(gateway: Gateway) -> None:
    words = "The SandboxSource x is gone; submit the program again."
    answer = await gateway.run(LARGE, phase="Error", reason="SourceLost", message=words)
    assert (answer.status_code, answer.json()["detail"]) == (
        500,
        "Execution failed: its source was lost before the program started",
    )


@pytest.mark.parametrize("headers", [{}, KEY])
async def test_the_source_of_a_rejected_execution_is_removed(
    gateway: Gateway, headers: dict[str, str]
) -> None:
    await bound_executions(gateway.cluster, 0)
    before = gateway.context.writes.used
    answer = await gateway.http.post(ASYNC, json=LARGE, headers=headers)
    assert answer.status_code == 503
    await no_sources(gateway)
    assert await gateway.cluster.executions() == []
    # The source was written once and stays charged. The rest of the charge is returned.
    cost = gateway.context.writes.used - before
    assert limits.SOURCE_BYTES < cost < limits.SOURCE_BYTES + 2 * METADATA_BYTES


async def test_a_repeated_idempotency_key_creates_no_second_source(gateway: Gateway) -> None:
    first = await gateway.http.post(ASYNC, json=LARGE, headers=KEY)
    used = gateway.context.writes.used
    sources = await gateway.cluster.sources()
    again = await gateway.http.post(ASYNC, json=LARGE, headers=KEY)
    other = await gateway.http.post(ASYNC, json={**LARGE, "stdin": ""}, headers=KEY)
    assert (again.json(), other.status_code) == (first.json(), 409)
    await gateway.context.canceller.finish()
    assert await gateway.cluster.sources() == sources
    assert len(sources) == 1
    assert gateway.context.writes.used == used


async def test_10_concurrent_requests_with_one_key_on_two_gateways_leave_one_source(
    start: Start,
) -> None:
    async with start() as one, start() as other:
        answers = await asyncio.gather(
            *(
                replica.http.post(ASYNC, json=LARGE, headers=KEY)
                for replica in (one, other)
                for _ in range(5)
            )
        )
        assert {answer.status_code for answer in answers} == {202}
        (execution,) = await one.cluster.executions()

        async def left() -> bool:
            sources = await one.cluster.sources()
            found = [source["metadata"]["name"] for source in sources]
            assert execution["spec"]["source"]["name"] in found
            return len(found) == 1

        await one.until(left, "the sources of the other requests to be removed")


@pytest.mark.parametrize("ttl_seconds", [0, 3600])
async def test_removing_a_record_removes_its_source(gateway: Gateway, ttl_seconds: int) -> None:
    """This also holds if the operator did not delete the source, such as after a crash."""
    body = {**LARGE, "ttl_seconds": ttl_seconds}
    asked = asyncio.create_task(gateway.http.post(EXECUTE, json=body, headers=KEY))
    name = (await gateway.cluster.pending())["metadata"]["name"]
    await gateway.cluster.end(name)
    assert (await asked).status_code == 200
    if ttl_seconds:
        assert len(await gateway.cluster.sources()) == 1
        path = f"/api/v1/executions/{name}"
        assert (await gateway.http.delete(path, params={"purge": "true"})).status_code == 200

    async def removed() -> bool:
        return not await gateway.cluster.executions()

    await gateway.until(removed, "the record to be removed")
    assert await gateway.cluster.sources() == []
    again = await gateway.http.post(EXECUTE, json=body, headers=KEY)
    assert (again.status_code, again.json()) == (410, GONE)
    assert await gateway.cluster.sources() == []


async def test_a_cancelled_execution_keeps_its_source_until_it_ends(gateway: Gateway) -> None:
    """It may be running, so the operator ends it and then deletes its source."""
    name = await gateway.start(LARGE)
    assert (await gateway.http.delete(f"/api/v1/executions/{name}")).status_code == 200
    assert (await gateway.cluster.read(name))["spec"]["cancel"] is True
    assert len(await gateway.cluster.sources()) == 1


@pytest.mark.parametrize("headers", [{}, KEY])
@pytest.mark.parametrize("which", ["source", "execution"])
async def test_a_create_whose_response_was_lost_keeps_source_and_execution(
    relayed: Gateway,
    relay: Relay,
    caplog: pytest.LogCaptureFixture,
    headers: dict[str, str],
    which: str,
) -> None:
    await relayed.http.get(LOOK)
    # With an Idempotency-Key, the gateway first reads the tombstone and the execution.
    relay.passing = (2 if headers else 0) + (which == "execution")
    relay.lose = 1
    answer = await relayed.http.post(ASYNC, json=LARGE, headers=headers)
    assert (answer.status_code, relay.lose) == (202, 0)
    kind = {"source": "SandboxSource", "execution": "SandboxExecution"}[which]
    assert caplog.text.count(f"create of {kind}") == 1
    await relayed.context.canceller.finish()
    (execution,) = await relayed.cluster.executions()
    (source,) = await relayed.cluster.sources()
    assert execution["spec"]["source"]["name"] == source["metadata"]["name"]


async def test_a_source_whose_create_is_never_answered_is_removed(
    relayed: Gateway, relay: Relay
) -> None:
    await relayed.http.get(LOOK)
    relay.lose = 10_000
    answer = await relayed.http.post(EXECUTE, json=LARGE)
    assert answer.status_code == 503
    assert len(await relayed.cluster.sources()) == 1
    relay.lose = 0
    await no_sources(relayed)
    assert await relayed.cluster.executions() == []


async def test_an_execution_whose_create_is_never_answered_keeps_its_source(
    relayed: Gateway, relay: Relay
) -> None:
    await relayed.http.get(LOOK)
    relay.passing, relay.lose = 1, 10_000
    answer = await relayed.http.post(EXECUTE, json=LARGE)
    assert answer.status_code == 503
    relay.lose = 0
    (execution,) = await relayed.cluster.executions()

    async def cancelled() -> bool:
        stored = await relayed.cluster.read(execution["metadata"]["name"])
        return bool(stored["spec"]["cancel"])

    await relayed.until(cancelled, "the cancel")
    await relayed.context.canceller.finish()
    (source,) = await relayed.cluster.sources()
    assert execution["spec"]["source"]["name"] == source["metadata"]["name"]
