"""Unknown fields of a body: ignored and named in the answer, or rejected with `?strict=true`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx
    from support.fixtures.gateway import Gateway

EXECUTE = "/api/v1/execute"
HELLO: dict[str, Any] = {"code": "print(1)", "language": "python"}
UNKNOWN: dict[str, Any] = {
    "colour": "red",
    "files": [{"path": "a", "content": "", "mode": 1}],
    "resources": {"gpu": 1},
}
WARNINGS = [
    "files[0].mode: unknown field, ignored",
    "resources.gpu: unknown field, ignored",
    "colour: unknown field, ignored",
]
REFUSAL = "files[0].mode: unknown field; resources.gpu: unknown field; colour: unknown field"


async def ended(gateway: Gateway, path: str, body: Any, **status: Any) -> httpx.Response:
    """Return the answer to a request whose single execution ends with this status."""
    asked = asyncio.create_task(gateway.http.post(path, json=body))
    name = (await gateway.cluster.pending())["metadata"]["name"]
    await gateway.cluster.end(name, **status)
    return await asked


@pytest.mark.parametrize("query", ["", "?strict=false"])
async def test_the_answer_names_the_ignored_fields(gateway: Gateway, query: str) -> None:
    answer = await ended(gateway, EXECUTE + query, HELLO | UNKNOWN)
    assert (answer.status_code, answer.json()["warnings"]) == (200, WARNINGS)
    (stored,) = await gateway.cluster.executions()
    assert stored["spec"]["files"] == [{"path": "a", "content": ""}]
    assert "resources" not in stored["spec"]


async def test_the_answer_to_a_program_that_failed_names_the_ignored_fields(
    gateway: Gateway,
) -> None:
    late = {"phase": "TimedOut", "reason": "DeadlineExceeded", "exitCode": 137}
    answer = await ended(gateway, EXECUTE, HELLO | {"timout": 300}, **late)
    assert answer.status_code == 500
    assert answer.json()["warnings"] == ["timout: unknown field, ignored"]


async def test_an_answer_without_ignored_fields_has_no_warnings(gateway: Gateway) -> None:
    assert "warnings" not in (await ended(gateway, EXECUTE, HELLO)).json()


async def test_the_asynchronous_route_names_the_ignored_fields_once(gateway: Gateway) -> None:
    started = await gateway.http.post(f"{EXECUTE}/async", json=HELLO | UNKNOWN)
    assert (started.status_code, started.json()["warnings"]) == (202, WARNINGS)
    later = await gateway.http.get(started.headers["Location"])
    assert "warnings" not in later.json()


async def test_each_result_of_a_batch_names_its_own_ignored_fields(gateway: Gateway) -> None:
    asked = asyncio.create_task(
        gateway.http.post(f"{EXECUTE}/batch", json=[HELLO | UNKNOWN, HELLO | {"timeout": 0}])
    )
    await gateway.cluster.end((await gateway.cluster.pending())["metadata"]["name"])
    first, second = (await asked).json()
    assert (first["error"], first["warnings"]) == (None, WARNINGS)
    assert second["error"] == "timeout: must be between 0.1 and 300"
    assert "warnings" not in second


async def test_a_repeated_request_may_have_other_ignored_fields(gateway: Gateway) -> None:
    headers = {"Idempotency-Key": "ignored"}
    names: set[str] = set()
    extras: list[dict[str, str]] = [{"colour": "red"}, {"shape": "round"}, {}]
    for extra in extras:
        answer = await gateway.http.post(f"{EXECUTE}/async", json=HELLO | extra, headers=headers)
        names.add(answer.json()["execution_id"])
        expected = [f"{name}: unknown field, ignored" for name in extra]
        assert answer.json().get("warnings", []) == expected
    assert len(names) == 1


@pytest.mark.parametrize("path", [EXECUTE, f"{EXECUTE}/async"])
async def test_a_strict_request_with_unknown_fields_is_400(
    shared_gateway: Gateway, path: str
) -> None:
    answer = await shared_gateway.http.post(f"{path}?strict=true", json=HELLO | UNKNOWN)
    assert (answer.status_code, answer.json()) == (400, {"detail": REFUSAL})
    assert await shared_gateway.cluster.executions() == []


async def test_a_strict_batch_rejects_only_the_items_with_unknown_fields(gateway: Gateway) -> None:
    asked = asyncio.create_task(
        gateway.http.post(f"{EXECUTE}/batch?strict=true", json=[HELLO, HELLO | UNKNOWN])
    )
    await gateway.cluster.end((await gateway.cluster.pending())["metadata"]["name"])
    first, second = (await asked).json()
    assert (first["error"], second["error"]) == (None, REFUSAL)


async def test_a_strict_session_with_unknown_fields_is_400(shared_gateway: Gateway) -> None:
    answer = await shared_gateway.http.post(
        "/api/v1/sessions?strict=true", json={"language": "python", "code": "1"}
    )
    assert (answer.status_code, answer.json()) == (400, {"detail": "code: unknown field"})


@pytest.mark.parametrize("value", ["", "1", "True", "yes"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        (EXECUTE, HELLO),
        (f"{EXECUTE}/async", HELLO),
        (f"{EXECUTE}/batch", [HELLO]),
        ("/api/v1/sessions", {"language": "python"}),
    ],
)
async def test_the_strict_parameter_must_be_true_or_false(
    shared_gateway: Gateway, path: str, body: Any, value: str
) -> None:
    answer = await shared_gateway.http.post(path, params={"strict": value}, json=body)
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "strict: must be true or false"},
    )
