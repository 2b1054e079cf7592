"""List sessions, and change how long they live."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from integration.gateway.sessions.made import (
    EXPIRES,
    PATH,
    as_other,
    made,
    pending_session,
    stored,
    write_status,
)

if TYPE_CHECKING:
    import httpx
    from support.fixtures.gateway import Gateway

LATER = "2026-01-01T02:00:00.000000Z"
UNKNOWN = "sbs-03bfaf7c-6949-418b-9c72-69a1e8211d78"


async def listed(gateway: Gateway, **query: str) -> dict[str, Any]:
    answer = await gateway.http.get(PATH, params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_list_has_the_tenants_live_sessions_as_a_get_returns_them(
    gateway: Gateway,
) -> None:
    assert await listed(gateway) == {"sessions": [], "next_cursor": None}
    name, ended = await made(gateway), await made(gateway)
    await made(gateway, key="other")
    await write_status(gateway, ended, phase="Ended", reason="IdleTimeout")
    alone = {"sessions": [(await gateway.http.get(f"{PATH}/{name}")).json()], "next_cursor": None}

    async def only_the_live_one() -> bool:
        return await listed(gateway) == alone

    await gateway.until(only_the_live_one, "the watch to deliver the end")


async def test_a_list_comes_in_pages_without_gaps_and_repetitions(gateway: Gateway) -> None:
    names = [await made(gateway) for _ in range(5)]
    found: list[dict[str, Any]] = []
    cursor, pages = None, 0
    while cursor is not None or not pages:
        page = await listed(gateway, limit="2", **({"cursor": cursor} if cursor else {}))
        found += page["sessions"]
        cursor, pages = page["next_cursor"], pages + 1
    assert pages == 3
    assert sorted(one["session_id"] for one in found) == sorted(names)
    times = [one["created_at"] for one in found]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ({"limit": "0"}, "limit: must be between 1 and 200"),
        ({"cursor": "!"}, "cursor: must be the next_cursor of a list"),
        ({"language": "python"}, "language: unknown parameter"),
    ],
)
async def test_an_invalid_parameter_of_the_list_is_400(
    shared_gateway: Gateway, query: dict[str, str], detail: str
) -> None:
    answer = await shared_gateway.http.get(PATH, params=query)
    assert (answer.status_code, answer.json()["detail"]) == (400, detail)


async def change(gateway: Gateway, name: str, body: Any, **observed: Any) -> httpx.Response:
    """Change a session, act as the operator once the change is stored, and return the answer."""
    asked = asyncio.create_task(gateway.http.patch(f"{PATH}/{name}", json=body))

    async def changed() -> bool:
        generation: int = (await stored(gateway))[0]["metadata"]["generation"]
        return generation > 1

    await gateway.until(changed, "the change")
    assert not asked.done()
    await write_status(gateway, name, **observed)
    return await asked


async def test_a_change_is_answered_once_the_operator_has_taken_it_over(
    gateway: Gateway,
) -> None:
    name = await made(gateway)
    body = {"idle_timeout": 900, "lifetime": "7200"}
    answer = await change(gateway, name, body, expiresAt=LATER, observedGeneration=2)
    assert answer.status_code == 200, answer.text
    assert answer.json()["expires_at"] == LATER
    assert answer.json()["warnings"] == ["lifetime: must be an integer, converted"]
    (session,) = await stored(gateway)
    assert session["spec"]["idleTimeoutSeconds"] == 900
    assert session["spec"]["lifetimeSeconds"] == 7200
    again = await gateway.http.patch(
        f"{PATH}/{name}", json={"lifetime": 7200, "idle_timeout": None}
    )
    assert (again.status_code, again.json()["expires_at"]) == (200, LATER)


async def test_a_change_of_a_session_that_ends_meanwhile_is_404(gateway: Gateway) -> None:
    name = await made(gateway)
    answer = await change(gateway, name, {"lifetime": 60}, phase="Ended", reason="IdleTimeout")
    assert (answer.status_code, answer.json()["detail"]) == (404, f"Session {name} not found")


async def test_a_change_of_a_session_that_is_not_ready_needs_no_confirmation(
    gateway: Gateway,
) -> None:
    asked = asyncio.create_task(gateway.http.post(PATH, json={"language": "python"}))
    name = await pending_session(gateway)
    answer = await gateway.http.patch(f"{PATH}/{name}", json={"lifetime": 60})
    assert (answer.status_code, answer.json()["phase"]) == (200, "Pending")
    await write_status(gateway, name, phase="Ready", expiresAt=EXPIRES, observedGeneration=2)
    assert (await asked).status_code == 201


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "body: must have idle_timeout or lifetime"),
        ({"lifetime": None}, "body: must have idle_timeout or lifetime"),
        ({"lifetime": 0}, "lifetime: must be between 1 and 86400"),
        ({"idle_timeout": 86401}, "idle_timeout: must be between 1 and 86400"),
        ({"lifetime": "a day"}, "lifetime: must be an integer"),
        ([], "body: must be a JSON object"),
    ],
)
async def test_an_invalid_change_is_400(shared_gateway: Gateway, body: Any, detail: str) -> None:
    answer = await shared_gateway.http.patch(f"{PATH}/{UNKNOWN}", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (400, detail)


async def test_another_tenants_session_cannot_be_changed(gateway: Gateway) -> None:
    name = await made(gateway)
    for path, headers in ((name, as_other(gateway)), (UNKNOWN, {}), ("s-1", {})):
        answer = await gateway.http.patch(f"{PATH}/{path}", json={"lifetime": 60}, headers=headers)
        assert (answer.status_code, answer.json()["detail"]) == (404, f"Session {path} not found")
    assert (await stored(gateway))[0]["metadata"]["generation"] == 1
