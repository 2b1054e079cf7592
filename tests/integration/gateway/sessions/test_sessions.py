"""Create, read, use and end stateful sessions. The tests act as the operator."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from integration.gateway.sessions.made import (
    EXPIRES,
    PATH,
    PYTHON,
    as_other,
    made,
    pending_session,
    stored,
    write_status,
)
from support.fixtures.gateway import Start

from cloche_api.meta import API_VERSION

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway

HELLO = {"code": "print(1)", "language": "python"}
UUID = "03bfaf7c-6949-418b-9c72-69a1e8211d78"


async def test_creating_a_session_returns_201_once_the_session_is_ready(gateway: Gateway) -> None:
    body = {
        "language": "py",
        "resources": {"memory_mb": 64},
        "idle_timeout": 60,
        "lifetime": 120,
    }
    asked = asyncio.create_task(gateway.http.post(PATH, json=body))
    name = await pending_session(gateway)
    (session,) = await stored(gateway)
    assert session["spec"] == {
        "language": "python",
        "tenant": "acme",
        "concurrency": {"group": "first", "limit": 50},
        "resources": {"memory": "64Mi", "disk": "64Mi"},
        "idleTimeoutSeconds": 60,
        "lifetimeSeconds": 120,
    }
    assert not asked.done()
    await write_status(gateway, name, phase="Ready", expiresAt=EXPIRES)
    answer = await asked
    assert (answer.status_code, answer.headers["Location"]) == (201, f"{PATH}/{name}")
    assert answer.json() == {"session_id": name, "language": "python", "expires_at": EXPIRES}
    assert str(uuid.UUID(name.removeprefix("sbs-"))) == name.removeprefix("sbs-")
    assert session["metadata"]["annotations"] == {
        "cloche.dev/request-id": answer.headers["x-request-id"]
    }


async def test_reading_a_session_returns_its_documented_fields(gateway: Gateway) -> None:
    name = await made(gateway)
    await write_status(gateway, name, lastUsedTime=EXPIRES)
    answer = await gateway.http.get(f"{PATH}/{name}/")
    (session,) = await stored(gateway)
    assert answer.json() == {
        "session_id": name,
        "language": "python",
        "expires_at": EXPIRES,
        "phase": "Ready",
        "created_at": session["metadata"]["creationTimestamp"],
        "last_used_at": EXPIRES,
    }


async def test_a_deleted_session_is_404(gateway: Gateway) -> None:
    name = await made(gateway)
    answer = await gateway.http.delete(f"{PATH}/{name}")
    assert (answer.status_code, answer.json()) == (200, {"message": f"Session {name} cleaned up"})
    assert await stored(gateway) == []
    for method in ("GET", "DELETE"):
        again = await gateway.http.request(method, f"{PATH}/{name}")
        assert (again.status_code, again.json()) == (
            404,
            {"detail": f"Session {name} not found"},
        )


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("name", [f"sbs-{UUID}", "s-1", "sbs-", "sbs-..", "sbs-A", "%2e"])
async def test_an_unknown_session_is_404(shared_gateway: Gateway, method: str, name: str) -> None:
    answer = await shared_gateway.http.request(method, f"{PATH}/{name}")
    assert answer.status_code == 404
    assert answer.json()["detail"] == f"Session {name.replace('%2e', '.')} not found"


async def test_another_tenants_session_is_404(gateway: Gateway) -> None:
    name = await made(gateway)
    gone = {"detail": f"Session {name} not found"}
    for method, path in (("GET", f"{PATH}/{name}"), ("DELETE", f"{PATH}/{name}")):
        answer = await gateway.http.request(method, path, headers=as_other(gateway))
        assert (answer.status_code, answer.json()) == (404, gone)
    body = {**HELLO, "session_id": name}
    answer = await gateway.http.post("/api/v1/execute", json=body, headers=as_other(gateway))
    assert (answer.status_code, answer.json()) == (404, gone)
    assert len(await stored(gateway)) == 1
    assert await gateway.cluster.executions() == []


async def test_a_session_without_a_tenant_is_404(gateway: Gateway) -> None:
    cluster = gateway.cluster
    session = {
        "apiVersion": API_VERSION,
        "kind": "SandboxSession",
        "metadata": {"name": "sbs-mine"},
        "spec": {"language": "python"},
    }
    await cluster.rest.call("POST", cluster.paths.sessions, body=session)
    assert (await gateway.http.get(f"{PATH}/sbs-mine")).status_code == 404


async def test_an_ended_session_is_404(gateway: Gateway) -> None:
    name = await made(gateway)
    await write_status(gateway, name, phase="Ended", reason="PodDeleted")
    assert (await gateway.http.get(f"{PATH}/{name}")).status_code == 404
    assert (await gateway.http.delete(f"{PATH}/{name}")).status_code == 404
    await gateway.until(lambda: len(gateway.context.sessions) == 0, "the watch to deliver the end")
    answer = await gateway.http.post("/api/v1/execute", json={**HELLO, "session_id": name})
    assert (answer.status_code, answer.json()["detail"]) == (404, f"Session {name} not found")


async def test_an_execution_with_a_session_id_is_created_in_the_session(gateway: Gateway) -> None:
    name = await made(gateway)
    answer = await gateway.run({**HELLO, "language": "py", "session_id": name})
    assert (answer.status_code, answer.json()["session_id"]) == (200, name)
    (execution,) = await gateway.cluster.executions()
    assert execution["spec"]["session"] == name


async def test_an_execution_in_an_unknown_session_is_404(gateway: Gateway) -> None:
    name = f"sbs-{uuid.uuid4()}"
    for route in ("", "/async"):
        body = {**HELLO, "session_id": name}
        answer = await gateway.http.post(f"/api/v1/execute{route}", json=body)
        assert (answer.status_code, answer.json()) == (
            404,
            {"detail": f"Session {name} not found"},
        )
    assert await gateway.cluster.executions() == []


async def test_an_execution_in_a_session_of_another_language_is_400(gateway: Gateway) -> None:
    name = await made(gateway)
    body = {**HELLO, "language": "bash", "session_id": name}
    answer = await gateway.http.post("/api/v1/execute", json=body)
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": f"language: must be python, the language of session {name}"},
    )


async def test_an_execution_with_its_own_resources_in_a_session_is_400(gateway: Gateway) -> None:
    name = await made(gateway)
    body = {**HELLO, "resources": {"cpu": 1}, "session_id": name}
    answer = await gateway.http.post("/api/v1/execute", json=body)
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "resources: must be absent in a session: set them when you create the session"},
    )


async def test_an_execution_whose_session_ends_is_500(gateway: Gateway) -> None:
    name = await made(gateway)
    answer = await gateway.run({**HELLO, "session_id": name}, phase="Error", reason="SessionEnded")
    assert answer.status_code == 500
    assert answer.json()["detail"] == "Execution failed: its session has ended"


@pytest.mark.parametrize(
    ("reason", "status", "detail"),
    [
        ("ImagePullFailed", 500, "Session failed: the language's image could not be pulled"),
        ("SomethingNewer", 500, "Session failed: something newer"),
        ("QueueTimeout", 503, "Service busy. Please try again later."),
    ],
)
async def test_a_session_that_ends_before_it_is_ready_is_an_error_with_its_reason(
    gateway: Gateway, reason: str, status: int, detail: str
) -> None:
    asked = asyncio.create_task(gateway.http.post(PATH, json=PYTHON))
    await write_status(gateway, await pending_session(gateway), phase="Ended", reason=reason)
    answer = await asked
    assert (answer.status_code, answer.json()) == (status, {"detail": detail})
    assert ("Retry-After" in answer.headers) == (status == 503)


@pytest.mark.parametrize("reason", ["LifetimeExceeded", "IdleTimeout"])
async def test_a_session_that_expired_before_its_creation_is_answered_is_201(
    gateway: Gateway, reason: str
) -> None:
    asked = asyncio.create_task(gateway.http.post(PATH, json=PYTHON))
    name = await pending_session(gateway)
    await write_status(gateway, name, phase="Ended", reason=reason)
    answer = await asked
    assert (answer.status_code, answer.json()["session_id"]) == (201, name)


async def test_a_session_deleted_before_it_is_ready_is_500(gateway: Gateway) -> None:
    asked = asyncio.create_task(gateway.http.post(PATH, json=PYTHON))
    path = gateway.cluster.paths.session(await pending_session(gateway))
    await gateway.cluster.rest.call("DELETE", path)
    answer = await asked
    assert (answer.status_code, answer.json()) == (
        500,
        {"detail": "Session failed: it was deleted before it was ready"},
    )


async def test_a_session_that_is_not_ready_in_time_is_503_and_removed(start: Start) -> None:
    async with start(queue_timeout_seconds=0, wait_margin_seconds=0.2) as gateway:
        answer = await gateway.http.post(PATH, json=PYTHON)
        assert (answer.status_code, answer.json()) == (
            503,
            {"detail": "Service busy. Please try again later."},
        )
        assert int(answer.headers["Retry-After"]) > 0

        async def removed() -> bool:
            return not await stored(gateway)

        await gateway.until(removed, "the session to be removed")


async def test_a_session_whose_client_disconnects_before_it_is_ready_is_removed(
    gateway: Gateway,
) -> None:
    asked = asyncio.create_task(gateway.http.post(PATH, json=PYTHON))
    await pending_session(gateway)
    asked.cancel()

    async def removed() -> bool:
        return not await stored(gateway)

    await gateway.until(removed, "the session to be removed")


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"idle_timeout": 0}, "idle_timeout: must be between 1 and 86400"),
        ({"idle_timeout": 86401}, "idle_timeout: must be between 1 and 86400"),
        ({"lifetime": 0}, "lifetime: must be between 1 and 86400"),
        ({"lifetime": 86401}, "lifetime: must be between 1 and 86400"),
        ({"lifetime": "1 h"}, "lifetime: must be an integer"),
        ({"language": "cobol"}, "Unsupported language: cobol. Supported languages: python, "),
        ({"resources": {"cpu": 3}}, "resources.cpu: must be between 0.01 and 2"),
        ({"langauge": "python", "lifetime": 0}, "lifetime: must be between 1 and 86400; langauge"),
    ],
)
async def test_an_invalid_field_of_a_session_is_400(
    shared_gateway: Gateway, fields: dict[str, Any], detail: str
) -> None:
    answer = await shared_gateway.http.post(PATH, json={**PYTHON, **fields})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(detail)
    assert await stored(shared_gateway) == []


async def test_each_session_route_requires_a_key(gateway: Gateway) -> None:
    gateway.http.headers.pop("X-API-Key")
    routes = {
        PATH: ("GET", "POST"),
        f"{PATH}/x": ("GET", "PATCH", "DELETE"),
        f"{PATH}/x/files": ("GET", "POST"),
        f"{PATH}/x/files/a/b": ("GET", "DELETE"),
    }
    for path, methods in routes.items():
        for method in methods:
            assert (await gateway.http.request(method, path, json=PYTHON)).status_code == 401
