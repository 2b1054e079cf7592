"""The event stream of an execution. Live output requires Pods and is tested in tests/e2e."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from support.fixtures.gateway import Start

from cloche_gateway.cluster import feeds

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway

START = "/api/v1/execute/async"
HELLO = {"code": "print(1)", "language": "python"}


def parsed(text: str) -> list[dict[str, Any]]:
    """Return the events of a stream, without comments."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in block.splitlines() if not line.startswith(":")
        )
        if fields:
            found.append(fields | {"data": json.loads(fields["data"])})
    return found


async def started(gateway: Gateway) -> str:
    name: str = (await gateway.http.post(START, json=HELLO)).json()["execution_id"]
    return name


async def test_the_events_of_an_ended_execution_are_replayed_from_its_record(
    gateway: Gateway,
) -> None:
    name = await started(gateway)
    await gateway.cluster.end(name, stdout="out\nput\n", stderr="err\n")
    answer = await gateway.http.get(f"/api/v1/executions/{name}/events")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.headers["Cache-Control"] == "no-store"
    first, out, err, end = parsed(answer.text)
    assert (first["event"], first["data"]) == ("started", {"time": "2026-01-01T00:00:01.000000Z"})
    assert (out["event"], out["data"]) == ("stdout", {"data": "out\nput\n", "replayed": True})
    assert (err["event"], err["data"]) == ("stderr", {"data": "err\n", "replayed": True})
    assert (end["event"], end["data"]["status"]) == ("exit", "completed")
    assert end["data"]["result"]["exit_code"] == 0
    assert "stdout" not in end["data"]["result"]


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ("1-0-0-0", ["stdout", "stderr", "exit"]),
        ("1-4-0-0", ["stdout", "stderr", "exit"]),
        ("1-8-0-0", ["stderr", "exit"]),
        ("1-8-4-0", ["exit"]),
    ],
)
async def test_a_stream_with_last_event_id_continues_after_that_event(
    gateway: Gateway, last: str, expected: list[str]
) -> None:
    name = await started(gateway)
    await gateway.cluster.end(name, stdout="out\nput\n", stderr="err\n")
    path = f"/api/v1/executions/{name}/events"
    events = parsed((await gateway.http.get(path, headers={"Last-Event-ID": last})).text)
    assert [event["event"] for event in events] == expected
    if last == "1-4-0-0":
        assert events[0]["data"]["data"] == "put\n"


async def test_each_event_id_resumes_the_stream_at_the_next_event(gateway: Gateway) -> None:
    name = await started(gateway)
    await gateway.cluster.end(name, stdout="out", stderr="err")
    path = f"/api/v1/executions/{name}/events"
    whole = parsed((await gateway.http.get(path)).text)
    for index, event in enumerate(whole[:-1]):
        headers = {"Last-Event-ID": event["id"]}
        rest = parsed((await gateway.http.get(path, headers=headers)).text)
        assert rest == whole[index + 1 :]


async def test_all_listeners_receive_the_output_and_the_end_of_an_execution(
    gateway: Gateway,
) -> None:
    name = await started(gateway)
    path = f"/api/v1/executions/{name}/events"
    listeners = [asyncio.create_task(gateway.http.get(path)) for _ in range(3)]
    await gateway.until(lambda: len(gateway.context.waiters) == 1, "the feed")
    await gateway.cluster.end(name, stdout="done\n")
    for listener in listeners:
        events = parsed((await listener).text)
        assert [event["event"] for event in events] == ["started", "stdout", "exit"]
    await gateway.until(lambda: len(gateway.context.feeds) == 0, "the feed's end")


async def test_the_stream_of_a_deleted_execution_ends_as_cancelled(gateway: Gateway) -> None:
    name = await started(gateway)
    path = f"/api/v1/executions/{name}/events"
    listener = asyncio.create_task(gateway.http.get(path))
    await gateway.until(lambda: len(gateway.context.waiters) == 1, "the feed")
    await gateway.cluster.delete(name)
    (end,) = parsed((await listener).text)
    assert (end["event"], end["data"]["status"]) == ("exit", "cancelled")


async def test_a_client_that_disconnects_ends_the_feed(gateway: Gateway) -> None:
    name = await started(gateway)
    listener = asyncio.create_task(gateway.http.get(f"/api/v1/executions/{name}/events"))
    await gateway.until(lambda: len(gateway.context.feeds) == 1, "the feed")
    listener.cancel()
    await gateway.until(lambda: len(gateway.context.feeds) == 0, "the feed's end")


async def test_a_listener_that_never_reads_does_not_delay_the_others(start: Start) -> None:
    async with start(send_timeout_seconds=0.3) as gateway, gateway.slow_client() as stuck:
        name = await started(gateway)
        path = f"/api/v1/executions/{name}/events"
        key = gateway.cluster.keys["first"]
        stuck.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n\r\n".encode())
        await gateway.until(lambda: len(gateway.context.feeds) == 1, "the feed")
        reader = asyncio.create_task(gateway.http.get(path))
        await gateway.until(lambda: listeners(gateway) == 2, "both listeners")
        connections = gateway.connections
        await gateway.cluster.end(name, stdout="o" * 262_144, stderr="e" * 262_144)
        kinds = [event["event"] for event in parsed((await reader).text)]
        assert kinds == ["started", *["stdout"] * 4, *["stderr"] * 4, "exit"]
        await gateway.until(lambda: len(gateway.context.feeds) == 0, "the feed to end")
        # The connection is ended too, and its unsent data is dropped.
        await gateway.until(lambda: gateway.connections == connections - 1, "the connection to end")


def listeners(gateway: Gateway) -> int:
    return sum(gateway.context.feeds._listeners.values())


async def test_a_gateway_that_shuts_down_ends_its_streams(start: Start) -> None:
    async with start(drain_seconds=0) as gateway:
        name = await started(gateway)
        listener = asyncio.create_task(gateway.http.get(f"/api/v1/executions/{name}/events"))
        await gateway.until(lambda: len(gateway.context.feeds) == 1, "the feed")
        gateway.context.drain()
        assert parsed((await listener).text) == []


async def test_a_feed_of_the_tenant_with_most_is_cut_for_another_tenant(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "_FEEDS", 2)
    names = [await started(gateway) for _ in range(3)]
    own = []
    for number, name in enumerate(names[:2], start=1):
        path = f"/api/v1/executions/{name}/events"
        own.append(asyncio.create_task(gateway.http.get(path)))
        await gateway.until(lambda most=number: len(gateway.context.feeds) == most, "the feed")
    refused = await gateway.http.get(f"/api/v1/executions/{names[2]}/events")
    assert refused.status_code == 503
    assert "streams the events of 2 executions" in refused.json()["detail"]
    other = {"X-API-Key": gateway.cluster.keys["other"]}
    foreign = (await gateway.http.post(START, json=HELLO, headers=other)).json()["execution_id"]
    path = f"/api/v1/executions/{foreign}/events"
    theirs = asyncio.create_task(gateway.http.get(path, headers=other))
    assert parsed((await own[1]).text) == []  # the newest feed of the tenant with most was cut
    await gateway.until(lambda: listeners(gateway) == 2, "the other tenant's listener")
    await gateway.cluster.end(names[0])
    await gateway.cluster.end(foreign)
    for listener in (own[0], theirs):
        assert parsed((await listener).text)[-1]["event"] == "exit"


async def test_streams_of_a_tenant_are_limited_and_share_the_feed_of_an_execution(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "_LISTENERS", 2)
    name = await started(gateway)
    await gateway.cluster.end(name, stdout="\0" * 150_000)
    key = gateway.cluster.keys["first"]
    asked = f"GET /api/v1/executions/{name}/events HTTP/1.1\r\nX-API-Key: {key}\r\n\r\n".encode()
    async with gateway.slow_client() as one, gateway.slow_client() as two:
        one.sendall(asked)
        two.sendall(asked)
        await gateway.until(lambda: listeners(gateway) == 2, "the listeners")
        assert len(gateway.context.feeds) == 1
        refused = await gateway.http.get(f"/api/v1/executions/{name}/events")
        assert refused.status_code == 503
        assert "this tenant has 2 open event streams" in refused.json()["detail"]
        assert refused.headers["Retry-After"]


async def test_an_invalid_last_event_id_is_400_and_another_tenants_stream_is_404(
    gateway: Gateway,
) -> None:
    name = await started(gateway)
    path = f"/api/v1/executions/{name}/events"
    bad = await gateway.http.get(path, headers={"Last-Event-ID": "x"})
    assert (bad.status_code, bad.json()["detail"]) == (
        400,
        "Last-Event-ID: must be the id of an event",
    )
    other = {"X-API-Key": gateway.cluster.keys["other"]}
    assert (await gateway.http.get(path, headers=other)).status_code == 404


async def test_a_repeated_last_event_id_is_400(gateway: Gateway) -> None:
    headers = [("Last-Event-ID", "1-0-0-0"), ("Last-Event-ID", "1-4-0-0")]
    path = f"/api/v1/executions/{await started(gateway)}/events"
    answer = await gateway.http.get(path, headers=headers)
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "Last-Event-ID: is given twice"},
    )
