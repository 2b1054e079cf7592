"""Sessions of a gateway, which the tests make ready as the operator does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from cloche_kube.client import MERGE_PATCH

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway

PATH = "/api/v1/sessions"
PYTHON = {"language": "python"}
EXPIRES = "2026-01-01T00:10:00.000000Z"


async def stored(gateway: Gateway) -> list[dict[str, Any]]:
    cluster = gateway.cluster
    listed = await cluster.rest.call("GET", cluster.paths.sessions)
    items: list[dict[str, Any]] = listed["items"]
    return items


async def write_status(gateway: Gateway, name: str, **status: Any) -> None:
    """Write a session's status as the operator does."""
    path = f"{gateway.cluster.paths.session(name)}/status"
    body = {"status": status}
    await gateway.cluster.rest.call("PATCH", path, body=body, content_type=MERGE_PATCH)


async def pending_session(gateway: Gateway) -> str:
    """Wait for the only session that is not ready, and return its name."""

    async def find() -> list[str]:
        found = [one for one in await stored(gateway) if one["status"]["phase"] == "Pending"]
        return [one["metadata"]["name"] for one in found]

    (name,) = await gateway.until(find, "a session")
    return str(name)


async def made(gateway: Gateway, key: str = "first", **fields: Any) -> str:
    """Create a session, mark it as ready, and return its id."""
    headers = {"X-API-Key": gateway.cluster.keys[key]}
    body = {**PYTHON, **fields}
    asked = asyncio.create_task(gateway.http.post(PATH, json=body, headers=headers))
    name = await pending_session(gateway)
    await write_status(gateway, name, phase="Ready", expiresAt=EXPIRES, observedGeneration=1)
    answer = await asked
    assert answer.status_code == 201, answer.text
    assert answer.json()["session_id"] == name
    return name


def as_other(gateway: Gateway) -> dict[str, str]:
    return {"X-API-Key": gateway.cluster.keys["other"]}
