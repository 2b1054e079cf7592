"""List, get and cancel executions, and clean up a session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway

PATH = "/api/v1/executions"
START = "/api/v1/execute/async"


async def started(gateway: Gateway, key: str = "first", **fields: Any) -> str:
    body = {"code": "print(1)", "language": "python", **fields}
    headers = {"X-API-Key": gateway.cluster.keys[key]}
    answer = await gateway.http.post(START, json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    name: str = answer.json()["execution_id"]
    return name


async def listed(gateway: Gateway, **query: Any) -> list[str]:
    answer = await gateway.http.get(PATH, params=query)
    assert answer.status_code == 200, answer.text
    return [of["execution_id"] for of in answer.json()["executions"]]


async def test_a_key_sees_only_the_executions_of_its_tenant(gateway: Gateway) -> None:
    mine, other = await started(gateway), await started(gateway, key="other")
    assert await listed(gateway) == [mine]
    for method, path in (("GET", f"{PATH}/{other}"), ("DELETE", f"{PATH}/{other}")):
        answer = await gateway.http.request(method, path)
        assert (answer.status_code, answer.json()) == (
            404,
            {"detail": f"Execution {other} not found"},
        )
    assert not (await gateway.cluster.read(other))["spec"]["cancel"]


async def test_a_list_item_has_the_documented_fields(gateway: Gateway) -> None:
    name = await started(gateway, session_id="course-1")
    await gateway.cluster.end(name)
    execution = await gateway.cluster.read(name)
    answer = await gateway.http.get(f"{PATH}/")
    assert answer.json() == {
        "executions": [
            {
                "execution_id": name,
                "status": "completed",
                "language": "python",
                "session_id": "course-1",
                "created_at": execution["metadata"]["creationTimestamp"],
                "reason": "Exited",
                "exit_code": 0,
                "execution_time": 0.08,
            }
        ],
        "next_cursor": None,
    }


async def test_a_list_is_filtered_by_language_status_and_session(gateway: Gateway) -> None:
    bash = await started(gateway, language="sh")
    done = await started(gateway, session_id="s")
    failed = await started(gateway)
    await gateway.cluster.end(done)
    await gateway.cluster.end(failed, phase="Error", reason="PodEvicted")
    assert await listed(gateway, language="bash") == [bash]
    assert await listed(gateway, status="pending") == [bash]
    assert await listed(gateway, status="failed") == [failed]
    assert await listed(gateway, status="completed", language="py") == [done]
    assert await listed(gateway, session_id="s") == [done]
    assert await listed(gateway, session_id="t") == []


async def test_pages_are_sorted_newest_first_and_complete(gateway: Gateway) -> None:
    names = [await started(gateway) for _ in range(7)]
    found: list[dict[str, Any]] = []
    cursor, pages = None, 0
    while cursor or not pages:
        query = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        answer = (await gateway.http.get(PATH, params=query)).json()
        found += answer["executions"]
        cursor, pages = answer["next_cursor"], pages + 1
    assert pages == 3
    assert sorted(of["execution_id"] for of in found) == sorted(names)
    times = [of["created_at"] for of in found]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ({"limit": "0"}, "limit: must be between 1 and 200"),
        ({"limit": "many"}, "limit: must be between 1 and 200"),
        ({"status": "done"}, "status: must be one of pending, running, completed"),
        ({"cursor": "!"}, "cursor: must be the next_cursor of a list"),
        ({"cursor": "AAAA"}, "cursor: must be the next_cursor of a list"),
        ({"session_id": ""}, "session_id: must be 1 to 256 characters"),
        ({"session_id": "a" * 257}, "session_id: must be 1 to 256 characters"),
        ({"language": "cobol"}, "Unsupported language: cobol"),
        ({"page": "2"}, "page: unknown parameter"),
    ],
)
async def test_an_invalid_query_parameter_is_400(
    shared_gateway: Gateway, query: dict[str, str], detail: str
) -> None:
    answer = await shared_gateway.http.get(PATH, params=query)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(detail)


async def test_executions_and_execute_status_return_the_same_execution(gateway: Gateway) -> None:
    name = await started(gateway)
    waiting = asyncio.create_task(gateway.http.get(f"{PATH}/{name}?wait=30"))
    await gateway.until(lambda: len(gateway.context.waiters) == 1, "the wait")
    await gateway.cluster.end(name)
    assert (await waiting).json() == (
        await gateway.http.get(f"/api/v1/execute/status/{name}")
    ).json()


async def test_deleting_an_execution_sets_cancel(gateway: Gateway) -> None:
    name = await started(gateway)
    answer = await gateway.http.delete(f"{PATH}/{name}/")
    assert (answer.status_code, answer.json()["status"]) == (200, "pending")
    assert (await gateway.cluster.read(name))["spec"]["cancel"]


async def test_deleting_an_ended_execution_does_not_cancel_it(gateway: Gateway) -> None:
    name = await started(gateway)
    await gateway.cluster.end(name)
    answer = await gateway.http.delete(f"{PATH}/{name}")
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert not (await gateway.cluster.read(name))["spec"]["cancel"]


async def test_cleaning_up_a_session_removes_only_the_tenants_executions_of_it(
    gateway: Gateway,
) -> None:
    running, done = [await started(gateway, session_id="s") for _ in range(2)]
    await gateway.cluster.end(done)
    kept = [
        await started(gateway, session_id="t"),
        await started(gateway),
        await started(gateway, key="other", session_id="s"),
    ]
    answer = await gateway.http.delete("/api/v1/execute/session/s/")
    assert (answer.status_code, answer.json()) == (200, {"message": "Session s cleaned up"})
    left = [of["metadata"]["name"] for of in await gateway.cluster.executions()]
    assert sorted(left) == sorted(kept)
    assert running not in left
    again = await gateway.http.delete("/api/v1/execute/session/s")
    assert again.status_code == 200, "nothing left is clean too"
