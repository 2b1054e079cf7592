"""Piston v2: requests, results and errors. The websocket has separate files."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from support.fixtures.gateway import Gateway, Start

EXECUTE = "/api/v2/execute"
HELLO = {"language": "python", "version": "3.10.0", "files": [{"content": "print(1)"}]}


async def run(gateway: Gateway, body: dict[str, Any] = HELLO, **status: Any) -> httpx.Response:
    """POST the body, end its execution with this status, and return the response."""
    asked = asyncio.create_task(gateway.http.post(EXECUTE, json=body))
    execution = await gateway.cluster.pending()
    await gateway.cluster.end(execution["metadata"]["name"], **status)
    return await asked


async def test_a_program_that_exits_with_0_gets_the_answer_of_piston(piston: Gateway) -> None:
    answer = await run(piston, stdout="a\n", stderr="b\n")
    assert answer.status_code == 200
    assert answer.json() == {
        "run": {
            "signal": None, "stdout": "a\n", "stderr": "b\n", "code": 0, "output": "a\nb\n",
            "memory": 9_000_000, "message": None, "status": None, "cpu_time": 30, "wall_time": 80,
        },
        "language": "python",
        "version": "0.0.0",
    }  # fmt: skip


async def test_a_request_with_all_fields_creates_the_execution_that_it_describes(
    piston: Gateway,
) -> None:
    body = {
        "language": "py",
        "version": "*",
        "files": [{"name": "a.py", "content": "1"}, {"name": "b/c", "content": "AA==",
                                                     "encoding": "base64"}],
        "stdin": "in",
        "args": ["1", "2"],
        "run_timeout": 1500,
        "compile_timeout": 10_000,
        "run_memory_limit": 67_108_864,
        "compile_memory_limit": -1,
        "run_cpu_time": 1000,
        "unknown": {"field": None},
    }  # fmt: skip
    answer = await run(piston, body)
    assert answer.status_code == 200
    (stored,) = await piston.cluster.executions()
    expected = {
        "code": "1",
        "language": "python",
        "files": [{"path": "b/c", "contentBase64": "AA=="}],
        "stdin": "in\n",
        "args": ["1", "2"],
        "timeoutSeconds": 1.5,
        "environment": {"PISTON_LANGUAGE": "python"},
        "tenant": "acme",
    }
    assert expected.items() <= stored["spec"].items()
    assert stored["spec"]["resources"]["memory"] == "64Mi"
    assert "compileTimeoutSeconds" not in stored["spec"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (
            {"exitCode": 3},
            {"code": 3, "signal": None, "status": "RE", "message": "Exited with error code 3"},
        ),
        (
            {"reason": "Signaled", "exitCode": 139, "signal": 11},
            {"code": None, "signal": "SIGSEGV", "status": "SG",
             "message": "Caught fatal signal 11"},
        ),
        (
            {"reason": "OutOfMemory", "exitCode": 137},
            {"code": None, "signal": "SIGKILL", "status": "SG", "message": "Caught fatal signal 9"},
        ),
        (
            {"phase": "TimedOut", "reason": "DeadlineExceeded", "exitCode": 137},
            {"code": None, "signal": "SIGKILL", "status": "TO",
             "message": "Time limit exceeded (wall clock)"},
        ),
        (
            {"reason": "InvalidSyntax", "exitCode": 1, "stderr": "SyntaxError"},
            {"code": 1, "stderr": "SyntaxError", "output": "Hello, World!\n4\nSyntaxError"},
        ),
        ({"stdoutTruncated": True}, {"code": 0, "message": "stdout length exceeded"}),
    ],
)  # fmt: skip
async def test_each_end_of_a_program_is_200_with_its_fields(
    piston: Gateway, status: dict[str, Any], expected: dict[str, Any]
) -> None:
    answer = await run(piston, **status)
    assert answer.status_code == 200
    assert expected.items() <= answer.json()["run"].items()
    assert "compile" not in answer.json()


async def test_a_compiler_that_succeeds_has_a_stage(piston: Gateway) -> None:
    answer = await run(piston, {**HELLO, "language": "c++"}, compileSeconds=1.5)
    found = answer.json()
    assert found["version"] == "14.2.0"
    assert (found["compile"]["code"], found["compile"]["wall_time"]) == (0, 1500)
    assert found["run"]["stdout"] == "Hello, World!\n4\n"


async def test_a_compiler_that_fails_has_both_stages(piston: Gateway) -> None:
    answer = await run(
        piston, {**HELLO, "language": "c++"}, reason="InvalidSyntax", exitCode=1, stdout="",
        stderr="error: x", compileSeconds=1.5, executionSeconds=0,
    )  # fmt: skip
    found = answer.json()
    assert found["compile"]["stderr"] == found["compile"]["output"] == "error: x"
    assert found["compile"]["code"] == 1
    assert found["run"] == found["compile"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"language": None}, "language is required as a string"),
        ({"language": ""}, "language is required as a string"),
        ({"language": 3, "version": None}, "language is required as a string"),
        ({"version": 3.1}, "version is required as a string"),
        ({"version": "", "files": None}, "version is required as a string"),
        ({"files": None}, "files is required as an array"),
        ({"files": {"content": ""}, "language": "cobol"}, "files is required as an array"),
        ({"files": [{"content": ""}, {}]}, "files[1].content is required as a string"),
        ({"files": [None]}, "files[0].content is required as a string"),
        ({"files": [{"content": None}], "language": "cobol"},
         "files[0].content is required as a string"),
        ({"language": "cobol", "files": []}, "cobol-3.10.0 runtime is unknown"),
        ({"files": []}, "files must include at least one utf8 encoded file"),
        ({"files": [{"content": "", "encoding": "hex"}], "run_timeout": "x"},
         "files must include at least one utf8 encoded file"),
        ({"run_timeout": "1000"}, "If specified, run_timeout must be a number"),
        ({"run_timeout": True}, "If specified, run_timeout must be a number"),
        ({"run_cpu_time": [], "compile_memory_limit": "x"},
         "If specified, compile_memory_limit must be a number"),
        ({"run_timeout": 300_001}, "run_timeout cannot exceed the configured limit of 300000"),
        ({"run_timeout": 1e400, "compile_timeout": 1e9},
         "compile_timeout cannot exceed the configured limit of 300000"),
        ({"run_timeout": -1}, "run_timeout must be non-negative"),
        ({"stdin": 1}, "stdin must be a string"),
        ({"args": "a"}, "args must be an array of strings"),
        ({"files": [{"content": "", "name": 1}]}, "files[0].name must be a string"),
    ],
)  # fmt: skip
async def test_a_mistake_is_400_with_the_message_of_piston(
    piston: Gateway, change: dict[str, Any], message: str
) -> None:
    body = json_of({**HELLO, **change})
    headers = {"Content-Type": "application/json"}
    answer = await piston.http.post(EXECUTE, content=body, headers=headers)
    assert (answer.status_code, answer.json()) == (400, {"message": message})


def json_of(body: dict[str, Any]) -> str:
    """Return JSON, with a number for infinity."""
    return json.dumps(body).replace("Infinity", "1e400")


@pytest.mark.parametrize("body", [b"null", b"[]", b"0", b'""', b"{}"])
async def test_a_body_that_is_no_request_has_no_language(piston: Gateway, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await piston.http.post(EXECUTE, content=body, headers=headers)
    message = {"message": "language is required as a string"}
    assert (answer.status_code, answer.json()) == (400, message)


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"{", 400), (b"", 400), (b"\xff", 400), (b'{"a":' * 40, 400), (b" " * 4_194_305, 413)],
)
async def test_a_body_that_cannot_be_read_is_refused_in_the_form_of_piston(
    piston: Gateway, content: bytes, status: int
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await piston.http.post(EXECUTE, content=content, headers=headers)
    assert answer.status_code == status
    assert list(answer.json()) == ["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "text/plain;charset=UTF-8", "Origin": "https://a.example"}, 415),
        ({"Content-Type": "text/plain;charset=UTF-8"}, 400),
        ({"Content-Type": "application/json; charset=utf-8"}, 400),
    ],
)
async def test_only_json_is_accepted_and_as_text_not_from_a_page(
    piston: Gateway, headers: dict[str, str], status: int
) -> None:
    answer = await piston.http.post(EXECUTE, content=b"{}", headers=headers)
    assert answer.status_code == status
    if status == 415:
        assert answer.json() == {"message": "requests must be of type application/json"}


async def test_a_strict_gateway_rejects_other_versions(start: Start) -> None:
    async with start(dialects=("piston",), piston_any_version=False) as gateway:
        answer = await gateway.http.post(EXECUTE, json=HELLO)
        message = {"message": "python-3.10.0 runtime is unknown"}
        assert (answer.status_code, answer.json()) == (400, message)


async def test_runtimes_and_packages_list_what_is_installed(piston: Gateway) -> None:
    for path in ("/api/v2/runtimes", "/api/v2/piston/runtimes"):
        found = (await piston.http.get(path)).json()
        assert found[-1] == {"language": "bash", "version": "0.0.0", "aliases": ["sh"]}
        assert found[2] == {
            "language": "c++", "version": "14.2.0", "aliases": ["cpp", "g++"], "runtime": "gcc",
        }  # fmt: skip
    packages = (await piston.http.get("/api/v2/packages")).json()
    assert packages[2] == {"language": "c++", "language_version": "14.2.0", "installed": True}


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_packages_cannot_be_changed(piston: Gateway, method: str) -> None:
    headers = {"Content-Type": "application/json"}
    for body, name in (
        (b'{"language": "python", "version": "3"}', "python-3"),
        (b"{}", "undefined-undefined"),
        (rb'{"language": "\ud800", "version": []}', "?-[object Object]"),
    ):
        answer = await piston.http.request(
            method, "/api/v2/packages", content=body, headers=headers
        )
        message = {"message": f"Requested package {name} does not exist"}
        assert (answer.status_code, answer.json()) == (404, message)
    assert (await piston.http.request(method, "/api/v2/packages")).status_code == 415


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v2"), ("GET", "/api/v2/"), ("GET", "/api/v2/nothing/there"),
        ("POST", "/api/v2/runtimes"), ("GET", EXECUTE), ("PUT", "/api/v2/packages"),
        ("OPTIONS", EXECUTE),
    ],
)  # fmt: skip
async def test_other_paths_and_methods_are_not_found(
    piston: Gateway, method: str, path: str
) -> None:
    answer = await piston.http.request(method, path)
    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})


async def test_the_key_may_stand_alone_in_authorization(piston: Gateway) -> None:
    key = piston.cluster.keys["first"]
    for headers, status in (
        ({"Authorization": key}, 200),
        ({"Authorization": f"Bearer {key}"}, 200),
        ({"X-API-Key": key}, 200),
        ({}, 401),
        ({"Authorization": "wrong"}, 401),
        ({"Authorization": f"Basic {key}"}, 401),
    ):
        async with httpx.AsyncClient(base_url=piston.url, headers=headers) as client:
            answer = await client.get("/api/v2/runtimes")
        assert answer.status_code == status, headers
        if status == 401:
            assert list(answer.json()) == ["message"]


async def test_a_request_without_a_key_gets_the_limits_of_the_key_that_is_named(
    start: Start,
) -> None:
    async with start(
        dialects=("piston",), keyless={"piston": "other"}, reads_per_minute=1
    ) as gateway:
        del gateway.http.headers["X-API-Key"]
        assert (await gateway.http.get("/api/v2/runtimes")).status_code == 200
        answer = await gateway.http.get("/api/v2/runtimes")
        assert (answer.status_code, list(answer.json())) == (429, ["message"])
        assert answer.headers["Retry-After"]
        assert (await gateway.http.get("/api/v1/warm-pool/status")).status_code == 401
        headers = {"Authorization": "wrong"}
        assert (await gateway.http.get("/api/v2/runtimes", headers=headers)).status_code == 401


async def test_a_client_that_disconnects_cancels_its_execution(piston: Gateway) -> None:
    asked = asyncio.create_task(piston.http.post(EXECUTE, json=HELLO))
    execution = await piston.cluster.pending()
    asked.cancel()

    async def is_cancelled() -> bool:
        read = await piston.cluster.read(execution["metadata"]["name"])
        return bool(read["spec"].get("cancel"))

    await piston.until(is_cancelled, "the cancellation")


async def test_a_gateway_without_the_dialect_has_none_of_its_routes(gateway: Gateway) -> None:
    for path in ("/api/v2/runtimes", "/api/v2/connect"):
        answer = await gateway.http.get(path)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


async def test_an_execution_that_the_system_lost_is_500_in_the_form_of_piston(
    piston: Gateway,
) -> None:
    answer = await run(piston, phase="Error", reason="NodeLost")
    assert answer.status_code == 500
    assert answer.json() == {"message": "Execution failed: the node of its Pod was lost"}
