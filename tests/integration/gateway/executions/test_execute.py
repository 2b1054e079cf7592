from __future__ import annotations

import asyncio
import re
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from support.fixtures.gateway import Start

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway

PYTHON = {"code": 'print("Hello, World!")\nprint(2 + 2)', "language": "python"}
SEED_FIELDS = [
    "execution_id", "stdout", "stderr", "exit_code", "execution_time", "language", "session_id",
]  # fmt: skip
MORE_FIELDS = ["stdout_truncated", "stderr_truncated", "reason", "usage", "queue_time"]


async def test_the_first_example_of_the_original_contract_is_answered_as_documented(
    gateway: Gateway,
) -> None:
    answer = await gateway.run(PYTHON)
    assert answer.status_code == 200
    body = answer.json()
    assert list(body) == SEED_FIELDS + MORE_FIELDS
    assert str(uuid.UUID(body["execution_id"])) == body["execution_id"]
    assert {name: body[name] for name in SEED_FIELDS[1:]} == {
        "stdout": "Hello, World!\n4\n",
        "stderr": "",
        "exit_code": 0,
        "execution_time": 0.08,
        "language": "python",
        "session_id": None,
    }
    assert body["usage"] == {"cpu_seconds": 0.03, "max_memory_bytes": 9000000}
    assert (body["reason"], body["queue_time"]) == ("Exited", 0.25)


@pytest.mark.parametrize(
    ("body", "spec"),
    [
        (
            {"code": 'console.log("Hello from Node.js");', "language": "javascript"},
            {"language": "javascript", "code": 'console.log("Hello from Node.js");'},
        ),
        (
            {"code": 'name = input("Enter your name: ")', "language": "python", "stdin": "Nadoo"},
            {"stdin": "Nadoo"},
        ),
        (
            {
                "code": 'import os\nprint(os.environ["API_URL"])',
                "language": "python",
                "environment": {"API_URL": "https://api.example.com"},
            },
            {"environment": {"API_URL": "https://api.example.com"}, "timeoutSeconds": 30},
        ),
        (
            {"code": "import time\ntime.sleep(5)", "language": "python", "timeout": 10},
            {"timeoutSeconds": 10},
        ),
    ],
)
async def test_the_other_examples_of_the_original_contract_create_the_expected_spec(
    gateway: Gateway, body: dict[str, Any], spec: dict[str, Any]
) -> None:
    answer = await gateway.run(body)
    assert answer.status_code == 200
    stored = await gateway.cluster.read(answer.json()["execution_id"])
    assert spec.items() <= stored["spec"].items()
    assert stored["spec"]["tenant"] == "acme"


async def test_every_field_of_a_request_is_stored_in_the_resource(gateway: Gateway) -> None:
    body = {
        **PYTHON,
        "language": "Python3",
        "stdin": "in",
        "environment": {"A": "1"},
        "timeout": 7,
        "session_id": "s-1",
        "args": ["--x", ""],
        "files": [
            {"path": "data/a.txt", "content": "ä"},
            {"path": "b.bin", "content_base64": "AAE="},
        ],
        "resources": {"cpu": 0.5, "memory_mb": 64},
        "output_files": ["*.png"],
    }
    answer = await gateway.run(
        body, files=[{"path": "p.png", "contentBase64": "iVBO"}], filesTruncated=True
    )
    assert answer.status_code == 200
    got = answer.json()
    assert got["files"] == [{"path": "p.png", "content_base64": "iVBO"}]
    assert (got["files_truncated"], got["session_id"], got["language"]) == (True, "s-1", "python")
    stored = await gateway.cluster.read(got["execution_id"])
    assert stored["metadata"]["labels"] == {
        "cloche.dev/tenant": "acme", "cloche.dev/session": "s-1"
    }  # fmt: skip
    assert (
        stored["metadata"]["annotations"]["cloche.dev/request-id"] == answer.headers["x-request-id"]
    )
    spec = stored["spec"]
    assert spec["args"] == ["--x", ""]
    assert spec["files"] == [
        {"path": "data/a.txt", "content": "ä"},
        {"path": "b.bin", "contentBase64": "AAE="},
    ]
    # 64 MiB of memory cannot hold the default disk of 100 MiB.
    assert spec["resources"] == {"cpu": "500m", "memory": "64Mi", "disk": "64Mi"}
    assert spec["outputFiles"] == ["*.png"]


@pytest.mark.parametrize(
    ("status", "code", "detail"),
    [
        ({"exitCode": 3}, 200, None),
        ({"reason": "Signaled", "exitCode": 139, "signal": 11}, 200, None),
        ({"reason": "OutOfMemory", "exitCode": 137, "signal": 9}, 200, None),
        ({"reason": "DiskFull", "exitCode": 1}, 200, None),
        ({"reason": "CompilerFailed", "exitCode": 139, "signal": 11}, 200, None),
        (
            {"reason": "InvalidSyntax", "exitCode": 1, "message": "SyntaxError: '(' was never"},
            400,
            "Invalid code syntax: SyntaxError: '(' was never",
        ),
        (
            {"phase": "TimedOut", "reason": "DeadlineExceeded", "exitCode": 137},
            500,
            "Execution failed: container timeout",
        ),
        ({"phase": "Cancelled", "reason": "Cancelled"}, 409, "Execution cancelled"),
        (
            {"phase": "Error", "reason": "QueueTimeout"},
            503,
            "Service busy. Please try again later.",
        ),
        (
            {"phase": "Error", "reason": "ImagePullFailed", "message": "node-7: no such image"},
            500,
            "Execution failed: the language's image could not be pulled",
        ),
        ({"phase": "Error", "reason": "NodeIsOnFire"}, 500, "Execution failed: node is on fire"),
    ],
)
async def test_each_reason_is_answered_with_its_status_and_detail(
    gateway: Gateway, status: dict[str, Any], code: int, detail: str | None
) -> None:
    answer = await gateway.run(PYTHON, **status)
    body = answer.json()
    assert (answer.status_code, body.get("detail")) == (code, detail)
    assert uuid.UUID(body["execution_id"])
    assert ("Retry-After" in answer.headers) == (code == 503)
    if detail is None or "failed" in detail or "syntax" in detail:
        assert body["stdout"] == "Hello, World!\n4\n"
        assert body["reason"] == status.get("reason", "Exited")


async def test_an_execution_deleted_while_its_client_waits_is_answered_as_cancelled(
    gateway: Gateway,
) -> None:
    asked = asyncio.create_task(gateway.http.post("/api/v1/execute", json=PYTHON))
    name = (await gateway.cluster.pending())["metadata"]["name"]
    await gateway.cluster.delete(name)
    answer = await asked
    assert answer.status_code == 409
    assert answer.json() == {"detail": "Execution cancelled", "execution_id": name}


async def test_execute_is_answered_with_and_without_a_trailing_slash(gateway: Gateway) -> None:
    for path in ("/api/v1/execute", "/api/v1/execute/"):
        answer = await gateway.http.post(path, json={"language": "cobol", "code": ""})
        assert answer.status_code == 400, path
        assert answer.json() == {
            "detail": "Unsupported language: cobol. Supported languages: python, javascript, bash"
        }


async def test_a_client_that_disconnects_cancels_its_execution(gateway: Gateway) -> None:
    asked = asyncio.create_task(gateway.http.post("/api/v1/execute", json=PYTHON))
    name = (await gateway.cluster.pending())["metadata"]["name"]
    asked.cancel()

    async def cancelled() -> bool:
        return bool((await gateway.cluster.read(name))["spec"]["cancel"])

    await gateway.until(cancelled, "the cancel")
    await gateway.until(lambda: len(gateway.context.waiters) == 0, "no waiter left")


async def test_20_concurrent_clients_each_receive_their_own_result(gateway: Gateway) -> None:
    asked = [
        asyncio.create_task(
            gateway.http.post("/api/v1/execute", json={**PYTHON, "session_id": f"s{n}"})
        )
        for n in range(20)
    ]

    async def all_there() -> list[dict[str, Any]] | None:
        found = await gateway.cluster.executions()
        return found if len(found) == 20 else None

    for execution in await gateway.until(all_there, "20 executions"):
        await gateway.cluster.end(
            execution["metadata"]["name"], stdout=execution["spec"]["session"]
        )
    for n, answer in enumerate(await asyncio.gather(*asked)):
        assert answer.json()["stdout"] == answer.json()["session_id"] == f"s{n}"
    assert len(await gateway.cluster.executions()) == 20


async def test_control_and_special_characters_are_stored_and_returned_unchanged(
    gateway: Gateway,
) -> None:
    code = "x = '\x01<>&\u2028é𝄞\ufffd'"
    answer = await gateway.run({**PYTHON, "code": code, "stdin": "\0" * 1000}, stdout=code)
    assert answer.json()["stdout"] == code
    stored = await gateway.cluster.read(answer.json()["execution_id"])
    assert (stored["spec"]["code"], stored["spec"]["stdin"]) == (code, "\0" * 1000)


async def test_a_request_with_the_largest_allowed_fields_is_stored(gateway: Gateway) -> None:
    body = {
        **PYTHON,
        "code": "#" + "𝄞" * 65535,  # 256 KiB less 3 bytes
        "stdin": "x" * 256 * 1024,
        "environment": {"A": "y" * (64 * 1024 - 1)},
    }
    answer = await gateway.run(body)
    assert answer.status_code == 200
    (source,) = await gateway.cluster.sources()
    assert source["spec"]["execution"] == answer.json()["execution_id"]
    assert source["spec"]["code"] == body["code"]


async def test_an_execution_that_does_not_end_in_time_is_503_or_500_and_cancelled(
    start: Start,
) -> None:
    async with start(queue_timeout_seconds=0, wait_margin_seconds=0.2) as gateway:
        answer = await gateway.http.post("/api/v1/execute", json={**PYTHON, "timeout": 1})
        assert answer.status_code == 503
        name = answer.json()["execution_id"]

        async def cancelled() -> bool:
            return bool((await gateway.cluster.read(name))["spec"]["cancel"])

        await gateway.until(cancelled, "the cancel")

        asked = asyncio.create_task(
            gateway.http.post("/api/v1/execute", json={**PYTHON, "timeout": 1})
        )

        async def fresh() -> list[str]:
            found = await gateway.cluster.executions()
            return [e["metadata"]["name"] for e in found if e["metadata"]["name"] != name]

        (other,) = await gateway.until(fresh, "the second execution")
        await gateway.cluster.end(other, phase="Running", reason=None)
        answer = await asked
        assert answer.status_code == 500
        assert answer.json() == {
            "detail": "Execution failed: its Pod did not end in time", "execution_id": other
        }  # fmt: skip


async def test_a_valid_request_id_is_echoed_and_an_invalid_one_is_replaced(
    gateway: Gateway,
) -> None:
    for given, kept in (("abc-1", True), ("a b", False), ("x" * 200, False), ("é", False)):
        headers = {b"X-Request-ID": given.encode()}
        answer = await gateway.http.get("/health", headers=headers)
        assert (answer.headers["x-request-id"] == given) is kept, given
        assert re.fullmatch(r"[A-Za-z0-9-]+", answer.headers["x-request-id"])
