"""Batches: concurrent executions, results in request order, and separate errors."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway

PATH = "/api/v1/execute/batch"


def program(code: str, **fields: Any) -> dict[str, Any]:
    return {"code": code, "language": "python", **fields}


async def stored(gateway: Gateway, count: int) -> dict[str, str]:
    """Wait until `count` executions exist, and return their names by their code."""

    async def all_there() -> list[dict[str, Any]] | None:
        found = await gateway.cluster.executions()
        return found if len(found) == count else None

    found = await gateway.until(all_there, f"{count} executions")
    return {of["spec"]["code"]: of["metadata"]["name"] for of in found}


async def test_batch_results_are_in_the_order_of_the_requests(gateway: Gateway) -> None:
    codes = [f"print({n})" for n in range(10)]
    asked = asyncio.create_task(gateway.http.post(f"{PATH}/", json=[program(c) for c in codes]))
    names = await stored(gateway, len(codes))
    for code in reversed(codes):
        await gateway.cluster.end(names[code], stdout=code)
    answer = await asked
    assert answer.status_code == 200
    assert [item["stdout"] for item in answer.json()] == codes
    assert [item["execution_id"] for item in answer.json()] == [names[code] for code in codes]
    assert {(item["exit_code"], item["error"]) for item in answer.json()} == {(0, None)}


async def test_a_failed_item_of_a_batch_does_not_affect_the_others(gateway: Gateway) -> None:
    items = [
        program("good"),
        program("bad", timeout=0),
        program("late"),
        program("x", language="cobol"),
        "nonsense",
    ]
    asked = asyncio.create_task(gateway.http.post(PATH, json=items))
    names = await stored(gateway, 2)
    await gateway.cluster.end(names["good"])
    late = {"phase": "TimedOut", "reason": "DeadlineExceeded", "exitCode": 137, "stdout": "so far"}
    await gateway.cluster.end(names["late"], **late)
    answer = await asked
    assert answer.status_code == 200
    good, bad, slow, unknown, nonsense = answer.json()
    assert (good["exit_code"], good["error"]) == (0, None)
    assert (bad["exit_code"], bad["error"]) == (-1, "timeout: must be between 0.1 and 300")
    assert (bad["execution_id"], bad["language"]) == (None, "python")
    assert (slow["exit_code"], slow["error"]) == (-1, "Execution failed: container timeout")
    assert (slow["execution_id"], slow["stdout"]) == (names["late"], "so far")
    assert unknown["error"].startswith("Unsupported language: cobol")
    assert nonsense["error"] == "the request: must be a JSON object"
    assert {frozenset(item) for item in answer.json()} == {frozenset(good)}, "all of one shape"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ([program("x")] * 11, "Maximum 10 executions allowed in a batch"),
        ([], "body: must be a list of 1 to 10 requests"),
        (program("x"), "body: must be a list of 1 to 10 requests"),
    ],
)
async def test_a_body_that_is_not_a_batch_is_400(
    shared_gateway: Gateway, body: Any, detail: str
) -> None:
    answer = await shared_gateway.http.post(PATH, json=body)
    assert (answer.status_code, answer.json()["detail"]) == (400, detail)
    assert await shared_gateway.cluster.executions() == []


async def test_a_client_that_disconnects_cancels_all_executions_of_its_batch(
    gateway: Gateway,
) -> None:
    asked = asyncio.create_task(gateway.http.post(PATH, json=[program("a"), program("b")]))
    await stored(gateway, 2)
    asked.cancel()

    async def cancelled() -> bool:
        return all(e["spec"]["cancel"] for e in await gateway.cluster.executions())

    await gateway.until(cancelled, "both to be cancelled")
