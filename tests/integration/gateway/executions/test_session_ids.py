"""Session ids of any characters: answers have them, lists and clean-ups find them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from cloche_api import limits
from cloche_gateway.requests.manifest import session_label

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway

HELLO: dict[str, Any] = {"code": "print(1)", "language": "python"}
LISTED = "/api/v1/executions"
CLEAN_UP = "/api/v1/execute/session"
ANY = [
    "user:42/chat",
    "ann@example.com",
    "a,b=c\\d",
    "-a",
    "a ",
    "a/",
    "/",
    "..",
    "Kurs Ümlaut 🪴",
    "tab\tline\nnul\0",
    "a" * 64,
    "é" * limits.SESSION_ID_CHARACTERS,
    session_label("user:42/chat"),
]


async def started(gateway: Gateway, session_id: str, key: str = "first") -> str:
    body = {**HELLO, "session_id": session_id}
    headers = {"X-API-Key": gateway.cluster.keys[key]}
    answer = await gateway.http.post("/api/v1/execute/async", json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    name: str = answer.json()["execution_id"]
    return name


async def listed(gateway: Gateway, session_id: str) -> list[tuple[str, str]]:
    answer = await gateway.http.get(LISTED, params={"session_id": session_id})
    assert answer.status_code == 200, answer.text
    return [(one["execution_id"], one["session_id"]) for one in answer.json()["executions"]]


async def test_each_session_id_is_found_removed_and_returned_as_it_was_sent(
    gateway: Gateway,
) -> None:
    names = {one: await started(gateway, one) for one in ANY}
    for session_id, name in names.items():
        assert await listed(gateway, session_id) == [(name, session_id)]
        state = await gateway.http.get(f"{LISTED}/{name}")
        assert state.json()["status"] == "pending"
    left = set(names.values())
    for session_id, name in names.items():
        encoded = quote(session_id, safe="").replace(".", "%2E")  # clients resolve dots in paths
        answer = await gateway.http.delete(f"{CLEAN_UP}/{encoded}")
        assert answer.status_code == 200, session_id
        assert answer.json() == {"message": f"Session {session_id} cleaned up"}
        left.discard(name)
        stored = await gateway.cluster.executions()
        assert {one["metadata"]["name"] for one in stored} == left, session_id


async def test_an_answer_has_the_session_id_as_it_was_sent(gateway: Gateway) -> None:
    answer = await gateway.run({**HELLO, "session_id": "user:42/chat"})
    assert answer.json()["session_id"] == "user:42/chat"
    (stored,) = await gateway.cluster.executions()
    label = stored["metadata"]["labels"]["cloche.dev/session"]
    assert (stored["spec"]["session"], stored["spec"]["sessionID"]) == (label, "user:42/chat")


async def test_a_label_value_is_stored_as_before(gateway: Gateway) -> None:
    await started(gateway, "course-1")
    (stored,) = await gateway.cluster.executions()
    assert stored["spec"]["session"] == stored["metadata"]["labels"]["cloche.dev/session"]
    assert stored["spec"]["session"] == "course-1"
    assert "sessionID" not in stored["spec"]


async def test_a_clean_up_leaves_the_executions_of_another_tenant(gateway: Gateway) -> None:
    theirs = await started(gateway, "user:42", key="other")
    await started(gateway, "user:42")
    await gateway.http.delete(f"{CLEAN_UP}/user:42")
    (left,) = await gateway.cluster.executions()
    assert left["metadata"]["name"] == theirs


@pytest.mark.parametrize("session_id", ["sbs-", "sbs-a b", "sbs-" + "a" * 100])
async def test_an_id_with_the_prefix_of_a_session_is_never_a_label(
    shared_gateway: Gateway, session_id: str
) -> None:
    body = {**HELLO, "session_id": session_id}
    answer = await shared_gateway.http.post("/api/v1/execute", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        f"Session {session_id[:100]} not found",
    )


async def test_a_failed_item_of_a_batch_has_the_session_id_as_it_was_sent(
    gateway: Gateway,
) -> None:
    session_id = "é" * limits.SESSION_ID_CHARACTERS
    items = [{**HELLO, "session_id": session_id, **more} for more in ({}, {"timeout": 0})]
    asked = asyncio.create_task(gateway.http.post("/api/v1/execute/batch", json=items))
    name = (await gateway.cluster.pending())["metadata"]["name"]
    await gateway.cluster.end(name, phase="TimedOut", reason="DeadlineExceeded")
    answers = (await asked).json()
    assert [one["session_id"] for one in answers] == [session_id] * 2
