"""The event stream of an execution."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
from e2e.contract.requests import ended, started
from support.deadline import until


def stream_of(http: httpx.Client, name: str, last: str | None = None) -> Iterator[dict[str, Any]]:
    """Events as they come, to the end, each with its id and its kind."""
    headers = {"Last-Event-ID": last} if last else {}
    with http.stream("GET", f"/api/v1/executions/{name}/events", headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        event: dict[str, Any] = {}
        for line in answer.iter_lines():
            if not line and event:
                yield event
                event = {}
            elif ": " in line and not line.startswith(":"):  # which is a comment
                name_, value = line.split(": ", 1)
                event[name_] = json.loads(value) if name_ == "data" else value


def events_of(http: httpx.Client, name: str, last: str | None = None) -> list[dict[str, Any]]:
    """All events to the end."""
    return list(stream_of(http, name, last))


CHATTY = """
import sys, time
print("one", flush=True)
time.sleep(2)
print("two", file=sys.stderr, flush=True)
"""


BY_TURNS = """
import os, time
for n in range(60):
    os.write(1 + n % 2, b"%d\\n" % n)
    time.sleep(0.02)
"""


def test_events_keep_the_order_of_the_two_streams(http: httpx.Client) -> None:
    name = started(http, code=BY_TURNS, timeout=80)
    printed = [e for e in events_of(http, name) if e["event"] in ("stdout", "stderr")]

    assert not any(e["data"].get("replayed") for e in printed)
    assert "".join(e["data"]["data"] for e in printed) == "".join(f"{n}\n" for n in range(60))


def test_events_are_sent_live_and_in_order(http: httpx.Client) -> None:
    name = started(http, code=CHATTY + "time.sleep(60)", timeout=80)
    events = stream_of(http, name)
    found = [next(events) for _ in range(3)]

    assert [e["event"] for e in found] == ["started", "stdout", "stderr"]
    assert [e["data"].get("data") for e in found[1:]] == ["one\n", "two\n"]
    assert http.delete(f"/api/v1/executions/{name}").status_code == 200
    (last,) = events
    assert last["event"] == "exit"
    assert last["data"]["result"]["reason"] == "Cancelled"


def test_events_of_a_running_execution_begin_at_its_first_byte(http: httpx.Client) -> None:
    name = started(http, code=CHATTY.replace("sleep(2)", "sleep(8)"))
    until(
        lambda: http.get(f"/api/v1/executions/{name}").json()["status"] == "running",
        "the execution to start",
        30,
    )

    found = events_of(http, name)

    assert [e["data"].get("data") for e in found[1:3]] == ["one\n", "two\n"]


def test_events_of_an_ended_execution_are_replayed(http: httpx.Client) -> None:
    name = started(http, code=CHATTY.replace("sleep(2)", "sleep(0)"))
    ended(http, name)

    found = events_of(http, name)

    assert [e["event"] for e in found] == ["started", "stdout", "stderr", "exit"]
    assert all(e["data"]["replayed"] for e in found[1:3])
    rest = events_of(http, name, last=found[1]["id"])
    assert [e["event"] for e in rest] == ["stderr", "exit"]
