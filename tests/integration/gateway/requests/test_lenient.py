"""Values of another type than the documented one: converted and named, or rejected if strict."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx
    from support.fixtures.gateway import Gateway

EXECUTE = "/api/v1/execute"
HELLO: dict[str, Any] = {"code": "print(1)", "language": "python"}
SENT: dict[str, Any] = {
    "timeout": "30",
    "ttl_seconds": "60",
    "stdin": 5,
    "environment": {"PORT": 8080, "DEBUG": True, "NOTHING": None},
    "args": [1, 2.5],
    "session_id": 42,
    "merge_output": "true",
    "resources": {"memory_mb": "256MB"},
}
SPEC: dict[str, Any] = {
    "timeoutSeconds": 30,
    "ttlSecondsAfterFinished": 60,
    "stdin": "5",
    "environment": {"PORT": "8080", "DEBUG": "true"},
    "args": ["1", "2.5"],
    "session": "42",
    "mergeOutput": True,
    "resources": {"memory": "256Mi"},
}
RULES = [
    "stdin: must be a string",
    "environment.PORT: must be a string",
    "environment.DEBUG: must be a string",
    "environment.NOTHING: must be a string",
    "timeout: must be a number",
    "session_id: must be a string",
    "args[0]: must be a string",
    "args[1]: must be a string",
    "resources.memory_mb: must be an integer",
    "merge_output: must be true or false",
]


async def ended(gateway: Gateway, path: str, body: Any) -> httpx.Response:
    """Return the answer to a request whose single execution ends well."""
    asked = asyncio.create_task(gateway.http.post(path, json=body))
    await gateway.cluster.end((await gateway.cluster.pending())["metadata"]["name"])
    return await asked


async def test_a_value_of_another_type_is_converted_and_named(gateway: Gateway) -> None:
    answer = await ended(gateway, EXECUTE, HELLO | SENT)
    assert answer.status_code == 200, answer.text
    assert answer.json()["warnings"] == [
        *(f"{rule}, converted" for rule in RULES),
        "and 1 more values, converted",
    ]
    assert answer.json()["session_id"] == "42"
    (stored,) = await gateway.cluster.executions()
    assert {field: stored["spec"][field] for field in SPEC} == SPEC


async def test_empty_values_that_mean_nothing_count_as_absent(gateway: Gateway) -> None:
    empty: dict[str, Any] = {"session_id": "", "environment": [], "resources": []}
    answer = await ended(gateway, EXECUTE, HELLO | empty)
    assert (answer.status_code, answer.json()["session_id"]) == (200, None)
    (stored,) = await gateway.cluster.executions()
    assert not {"session", "sessionID", "environment", "resources"} & stored["spec"].keys()
    assert "cloche.dev/session" not in stored["metadata"]["labels"]


async def test_a_converted_request_has_the_fingerprint_of_the_documented_one(
    gateway: Gateway,
) -> None:
    headers = {"Idempotency-Key": "lenient"}
    bodies: list[dict[str, Any]] = [{"timeout": 30}, {"timeout": "30"}, {"timeout": "30.0"}]
    names = set()
    for fields in bodies:
        answer = await gateway.http.post(f"{EXECUTE}/async", json=HELLO | fields, headers=headers)
        names.add(answer.json()["execution_id"])
    assert len(names) == 1


async def test_a_strict_request_with_a_value_of_another_type_is_400(
    shared_gateway: Gateway,
) -> None:
    body = HELLO | {"timeout": "30", "stdin": 5, "colour": "red"}
    answer = await shared_gateway.http.post(f"{EXECUTE}?strict=true", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "stdin: must be a string; timeout: must be a number; colour: unknown field",
    )
    assert await shared_gateway.cluster.executions() == []


async def test_a_mistake_that_remains_is_the_only_one_that_is_named(
    shared_gateway: Gateway,
) -> None:
    body = HELLO | {"timeout": "400", "args": [1, []]}
    answer = await shared_gateway.http.post(EXECUTE, json=body)
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "timeout: must be between 0.1 and 300; args[1]: must be a string",
    )


async def test_each_request_of_a_batch_is_converted_by_itself(gateway: Gateway) -> None:
    batch = [HELLO | {"timeout": "9"}, HELLO | {"timeout": "soon"}]
    answer = await ended(gateway, f"{EXECUTE}/batch", batch)
    first, second = answer.json()
    assert (first["error"], first["warnings"]) == (None, ["timeout: must be a number, converted"])
    assert second["error"] == "timeout: must be a number"
    (stored,) = await gateway.cluster.executions()
    assert stored["spec"]["timeoutSeconds"] == 9


async def test_a_strict_batch_rejects_only_the_items_that_were_converted(
    gateway: Gateway,
) -> None:
    answer = await ended(gateway, f"{EXECUTE}/batch?strict=true", [HELLO, HELLO | {"timeout": "9"}])
    first, second = answer.json()
    assert (first["error"], second["error"]) == (None, "timeout: must be a number")


@pytest.mark.parametrize("large", [False, True], ids=["at once", "in the parser"])
async def test_a_body_with_a_byte_order_mark_is_read(gateway: Gateway, *, large: bool) -> None:
    stdin = "x" * 100_000 if large else "x"
    content = b"\xef\xbb\xbf" + json.dumps({**HELLO, "stdin": stdin, "timeout": "9"}).encode()
    headers = {"Content-Type": "application/json"}
    answer = await gateway.http.post(f"{EXECUTE}/async", content=content, headers=headers)
    assert answer.status_code == 202, answer.text
