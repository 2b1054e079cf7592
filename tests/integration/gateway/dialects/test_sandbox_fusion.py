"""SandboxFusion: `/run_code` and `/v1/ping`."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from support.clients.dialects import TIMED_OUT, answered
from support.fixtures.gateway import EXITED, Start

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway

RUN = "/run_code"
CASE = {"compile_timeout": 10, "run_timeout": 10, "code": "print(input())", "stdin": "3",
        "memory_limit_MB": 1024, "language": "python", "files": {}, "fetch_files": []}  # fmt: skip
"""The request that verl sends for a test case."""
COMPILED = {"compileSeconds": 1.5, "executionSeconds": 0.25}
NOT_RUN = {"compileSeconds": 1.5, "executionSeconds": 0.0, "stdout": ""}
DONE = {"status": "Finished", "execution_time": 1.5, "return_code": 0, "stdout": "", "stderr": ""}


async def ran(
    gateway: Gateway, changes: dict[str, Any] | None = None, /, **status: Any
) -> dict[str, Any]:
    body = CASE | (changes or {})
    answer, _ = await answered(gateway, gateway.http.post(RUN, json=body), **status)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def spec_of(gateway: Gateway, **changes: Any) -> dict[str, Any]:
    _, spec = await answered(gateway, gateway.http.post(RUN, json=CASE | changes))
    return spec


async def test_a_program_that_exits_with_0_is_a_success(dialects: Gateway) -> None:
    assert await ran(dialects) == {
        "status": "Success",
        "message": "",
        "compile_result": None,
        "run_result": {
            "status": "Finished",
            "execution_time": 0.08,
            "return_code": 0,
            "stdout": EXITED["stdout"],
            "stderr": "",
        },
        "executor_pod_name": None,
        "files": {},
    }


@pytest.mark.parametrize(
    ("reason", "code"),
    [("Exited", 3), ("Signaled", 139), ("OutOfMemory", 137), ("InvalidSyntax", 1)],
)
async def test_a_program_that_fails_is_a_failure_with_its_exit_code(
    dialects: Gateway, reason: str, code: int
) -> None:
    found = await ran(dialects, reason=reason, exitCode=code, stderr="why\n")
    assert (found["status"], found["compile_result"]) == ("Failed", None)
    assert found["run_result"]["return_code"] == code
    assert (found["run_result"]["status"], found["run_result"]["stderr"]) == ("Finished", "why\n")


async def test_a_timeout_has_no_exit_code_and_the_output_so_far(dialects: Gateway) -> None:
    found = await ran(dialects, stdout="so far\n", executionSeconds=10.0, **TIMED_OUT)
    assert found["status"] == "Failed"
    assert found["run_result"] == {
        "status": "TimeLimitExceeded",
        "execution_time": 10.0,
        "return_code": None,
        "stdout": "so far\n",
        "stderr": "",
    }


async def test_a_compiled_program_has_two_results(dialects: Gateway) -> None:
    found = await ran(dialects, {"language": "cpp"}, **COMPILED)
    assert found["compile_result"] == DONE
    assert (found["status"], found["run_result"]["execution_time"]) == ("Success", 0.25)


@pytest.mark.parametrize(
    ("status", "result", "code"),
    [
        ({"reason": "InvalidSyntax", "exitCode": 1}, "Finished", 1),
        ({"reason": "CompilerFailed", "exitCode": 4}, "Finished", 4),
        ({"reason": "OutOfMemory", "exitCode": 137}, "Finished", 137),
        (TIMED_OUT, "TimeLimitExceeded", None),
    ],
)
async def test_a_failed_compilation_is_a_failure_without_a_run(
    dialects: Gateway, status: dict[str, Any], result: str, code: int | None
) -> None:
    found = await ran(dialects, {"language": "cpp"}, **NOT_RUN, **status, stderr="error: x\n")
    assert (found["status"], found["run_result"]) == ("Failed", None)
    compiled = found["compile_result"]
    assert (compiled["status"], compiled["return_code"]) == (result, code)
    assert (compiled["stderr"], compiled["execution_time"]) == ("error: x\n", 1.5)


async def test_a_failure_of_the_system_is_a_sandbox_error_with_its_cause(
    dialects: Gateway,
) -> None:
    found = await ran(dialects, phase="Error", reason="ImagePullFailed")
    assert (found["status"], found["run_result"], found["files"]) == ("SandboxError", None, {})
    assert found["message"] == "Execution failed: the language's image could not be pulled"


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("python", ("python", None)),
        ("nodejs", ("javascript", None)),
        ("cpp", ("cpp", None)),
        ("java", ("java", None)),
        ("bash", ("bash", None)),
    ],
)
async def test_a_language_has_its_name_of_the_original(
    dialects: Gateway, language: str, expected: tuple[str, str | None]
) -> None:
    spec = await spec_of(dialects, language=language)
    assert (spec["language"], spec.get("entry")) == expected


@pytest.mark.parametrize("language", ["rust", "R", "lean", "junit", "pytest"])
async def test_a_language_or_framework_that_is_not_installed_is_named(
    dialects: Gateway, language: str
) -> None:
    answer = await dialects.http.post(RUN, json=CASE | {"language": language})
    assert answer.status_code in {200, 422}  # 422: the language has no such entry
    assert "Unsupported language" in answer.text or "no entries" in answer.text


@pytest.mark.parametrize(
    ("given", "seconds", "compiler"),
    [
        ({}, 10, 10),
        ({"run_timeout": "2.5"}, 2.5, 10),
        ({"run_timeout": 0, "compile_timeout": 20}, 0.1, 20),
        ({"run_timeout": -5, "compile_timeout": -1}, 0.1, None),
        ({"run_timeout": 1e300}, 300, None),
        ({"run_timeout": 299.5, "compile_timeout": 100}, 299.5, None),
        ({"run_timeout": 200, "compile_timeout": 1e300}, 200, 100),
    ],
)
async def test_timeouts_are_kept_within_the_limits(
    dialects: Gateway, given: dict[str, Any], seconds: float, compiler: float | None
) -> None:
    spec = await spec_of(dialects, language="cpp", **given)
    assert spec["timeoutSeconds"] == seconds
    assert spec.get("compileTimeoutSeconds") == compiler


async def test_a_language_without_a_compiler_has_one_timeout(dialects: Gateway) -> None:
    assert "compileTimeoutSeconds" not in await spec_of(dialects)


@pytest.mark.parametrize(
    ("memory", "expected"),
    [(-1, None), (0, None), (1024, None), (512, None), (100, "100Mi"), (1, "32Mi"), ("64", "64Mi")],
)
async def test_only_less_memory_than_the_default_is_asked_for(
    dialects: Gateway, memory: Any, expected: str | None
) -> None:
    spec = await spec_of(dialects, memory_limit_MB=memory)
    assert spec.get("resources", {}).get("memory") == expected


async def test_files_go_in_and_come_out(dialects: Gateway) -> None:
    text = base64.b64encode(b"a,b\n").decode()
    body = CASE | {"files": {"./in/a.csv": text, "b": None}, "fetch_files": ["out.txt", "./c"]}
    answer, spec = await answered(
        dialects,
        dialects.http.post(RUN, json=body),
        files=[{"path": "out.txt", "contentBase64": text}],
    )
    assert spec["files"] == [{"path": "in/a.csv", "contentBase64": text}]
    assert spec["outputFiles"] == ["out.txt", "c"]
    assert answer.json()["files"] == {"out.txt": text}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ([], ["body"]),
        (None, ["body"]),
        ({}, ["body", "code"]),
        ({"code": "1"}, ["body", "language"]),
        (CASE | {"language": "cobol"}, ["body", "language"]),
        (CASE | {"code": 1}, ["body", "code"]),
        (CASE | {"code": "\ud800"}, ["body", "code"]),
        (CASE | {"run_timeout": "soon"}, ["body", "run_timeout"]),
        (CASE | {"memory_limit_MB": 1.5}, ["body", "memory_limit_MB"]),
        (CASE | {"memory_limit_MB": 1e999}, ["body", "memory_limit_MB"]),
        (CASE | {"files": []}, ["body", "files"]),
        (CASE | {"files": {"../x": ""}}, ["body", "files[0].path"]),
        (CASE | {"files": {"x": "!"}}, ["body", "files[0].content_base64"]),
        (CASE | {"fetch_files": ["/etc/passwd"]}, ["body", "output_files[0]"]),
        (CASE | {"stdin": 1}, ["body", "stdin"]),
    ],
)
async def test_an_invalid_body_is_422_with_the_place_of_the_mistake(
    dialects: Gateway, body: Any, place: list[str]
) -> None:
    content = json.dumps(body).replace("Infinity", "1e999").encode()
    answer = await dialects.http.post(
        RUN, content=content, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422, answer.text
    (mistake,) = answer.json()["detail"]
    assert mistake["loc"] == place
    assert mistake["msg"]


async def test_what_exceeds_a_limit_is_413(dialects: Gateway) -> None:
    answer = await dialects.http.post(RUN, json=CASE | {"code": "x" * 300_000})
    assert answer.status_code == 413
    assert answer.json() == {"detail": "code: must be at most 256 KiB, but has 300000 bytes"}


async def test_a_request_that_can_be_repeated_later_is_504(start: Start) -> None:
    async with start(dialects="sandboxFusion", rate_limit_per_minute=1) as gateway:
        await answered(gateway, gateway.http.post(RUN, json=CASE))
        answer = await gateway.http.post(RUN, json=CASE)
        assert answer.status_code == 504
        asked = [asyncio.create_task(gateway.http.post(RUN, json=CASE)) for _ in range(3)]
        assert {one.status_code for one in await asyncio.gather(*asked)} == {504}


async def test_an_execution_that_the_queue_rejects_is_504(dialects: Gateway) -> None:
    answer, _ = await answered(
        dialects, dialects.http.post(RUN, json=CASE), phase="Error", reason="QueueFull"
    )
    assert answer.status_code == 504


async def test_ping_is_answered_with_a_key_only(dialects: Gateway) -> None:
    answer = await dialects.http.get("/v1/ping")
    assert (answer.status_code, answer.json()) == (200, "pong")
    denied = await dialects.http.get("/v1/ping", headers={"X-API-Key": ""})
    assert (denied.status_code, denied.json()) == (401, {"detail": "API key is required"})
    wrong = await dialects.http.get("/v1/ping", headers={"X-API-Key": "wrong"})
    assert wrong.status_code == 403
