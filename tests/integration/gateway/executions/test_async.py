"""Asynchronous executions: start, status, and waiting for the end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from support.fixtures.gateway import Start

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway

PATH = "/api/v1/execute/async"
STATUS = "/api/v1/execute/status"
HELLO = {"code": "print(1)", "language": "python"}


async def started(gateway: Gateway) -> str:
    answer = await gateway.http.post(PATH, json=HELLO)
    assert answer.status_code == 202
    name: str = answer.json()["execution_id"]
    return name


async def test_an_asynchronous_execution_is_accepted_and_not_cancelled(gateway: Gateway) -> None:
    answer = await gateway.http.post(f"{PATH}/", json={**HELLO, "session_id": "s"})
    (execution,) = await gateway.cluster.executions()
    name = execution["metadata"]["name"]
    assert answer.status_code == 202
    assert answer.json() == {
        "execution_id": name,
        "status": "pending",
        "created_at": execution["metadata"]["creationTimestamp"],
        "started_at": None,
        "completed_at": None,
        "result": None,
        "detail": None,
    }
    assert answer.headers["Location"] == f"{STATUS}/{name}"
    assert (execution["spec"]["session"], execution["spec"]["cancel"]) == ("s", False)
    assert len(gateway.context.waiters) == 0


async def test_an_invalid_asynchronous_request_is_rejected_at_once(gateway: Gateway) -> None:
    for body, status in (
        ({**HELLO, "language": "cobol"}, 400),
        ({**HELLO, "timeout": 0}, 400),
        ({**HELLO, "args": ["x" * 65537]}, 413),
    ):
        answer = await gateway.http.post(PATH, json=body)
        assert answer.status_code == status
        assert isinstance(answer.json()["detail"], str)
    assert (await gateway.http.post(PATH, json=HELLO, headers={"X-API-Key": ""})).status_code == 401
    assert await gateway.cluster.executions() == []


async def test_a_status_request_with_wait_returns_when_the_execution_ends(gateway: Gateway) -> None:
    name = await started(gateway)
    asked = asyncio.create_task(gateway.http.get(f"{STATUS}/{name}?wait=60"))
    await gateway.until(lambda: len(gateway.context.waiters) == 1, "the wait")
    await gateway.cluster.end(name)
    answer = await asked
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert answer.json()["result"]["stdout"] == "Hello, World!\n4\n"


async def test_a_status_request_for_an_ended_execution_returns_at_once(gateway: Gateway) -> None:
    name = await started(gateway)
    await gateway.cluster.end(name, phase="TimedOut", reason="DeadlineExceeded")
    answer = await gateway.http.get(f"{STATUS}/{name}?wait=60")
    assert (answer.json()["status"], answer.json()["detail"]) == (
        "failed",
        "Execution failed: container timeout",
    )


async def test_a_wait_that_times_out_returns_the_current_status(gateway: Gateway) -> None:
    name = await started(gateway)
    await gateway.cluster.end(name, phase="Running", reason=None, completionTime=None)
    answer = await gateway.http.get(f"{STATUS}/{name}?wait=0.05")
    assert (answer.status_code, answer.json()["status"]) == (200, "running")
    assert answer.json()["result"] is None


async def test_an_execution_deleted_during_a_wait_is_404(gateway: Gateway) -> None:
    name = await started(gateway)
    asked = asyncio.create_task(gateway.http.get(f"{STATUS}/{name}?wait=60"))
    await gateway.until(lambda: len(gateway.context.waiters) == 1, "the wait")
    await gateway.cluster.delete(name)
    answer = await asked
    assert (answer.status_code, answer.json()["detail"]) == (404, f"Execution {name} not found")


async def test_a_waiting_client_that_disconnects_does_not_cancel_the_execution(
    gateway: Gateway,
) -> None:
    name = await started(gateway)
    asked = asyncio.create_task(gateway.http.get(f"{STATUS}/{name}?wait=60"))
    await gateway.until(lambda: len(gateway.context.waiters) == 1, "the wait")
    asked.cancel()
    await gateway.until(lambda: len(gateway.context.waiters) == 0, "no waiter left")
    await gateway.context.canceller.finish()
    assert (await gateway.cluster.read(name))["spec"]["cancel"] is False


@pytest.mark.parametrize("wait", ["61", "60.5", "-1", "x", "", "1e1", "nan", "inf", "\u0661"])
async def test_a_wait_out_of_bounds_is_rejected(shared_gateway: Gateway, wait: str) -> None:
    answer = await shared_gateway.http.get(f"{STATUS}/x", params={"wait": wait})
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "wait: must be a number of seconds between 0 and 60"},
    )


async def test_a_wait_for_an_unknown_or_another_tenants_execution_is_404(gateway: Gateway) -> None:
    name = await started(gateway)
    other = {"X-API-Key": gateway.cluster.keys["other"]}
    for path, headers in ((f"{STATUS}/{name}", other), (f"{STATUS}/x", {})):
        answer = await gateway.http.get(f"{path}?wait=60", headers=headers)
        assert answer.status_code == 404


async def test_a_gateway_that_shuts_down_answers_waiting_clients(start: Start) -> None:
    async with start() as gateway:
        name = await started(gateway)
        asked = asyncio.create_task(gateway.http.get(f"{STATUS}/{name}?wait=60"))
        await gateway.until(lambda: len(gateway.context.waiters) == 1, "the wait")
        gateway.context.drain()
        answer = await asked
        assert (answer.status_code, answer.json()["status"]) == (200, "pending")
