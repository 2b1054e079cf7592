"""Compiler and program in a Pod: their usage, their time limits, and the order of their output."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest
from support.clients.kubectl import InstallationKubectl
from support.fixtures.executions import Execute, Finished, Submit

MIB = 1024 * 1024
_LARGE = (
    "#include <vector>\nint main() { std::vector<char> all(300u << 20, 1); return all[5] - 1; }"
)
_ENDLESS = "int main() { for (;;); }"
_BY_TURNS = "import os\nfor n in range(500): os.write(1 + n % 2, b'%d\\n' % n)"
_NUMBERS = "".join(f"{n}\n" for n in range(500))


def _timed_out(http: httpx.Client, **fields: Any) -> dict[str, Any]:
    answer = http.post("/api/v1/execute", json={"language": "cpp", **fields})
    assert answer.status_code == 500, answer.text
    body: dict[str, Any] = answer.json()
    assert body["reason"] == "DeadlineExceeded"
    return body


def test_the_usage_of_a_program_is_not_that_of_its_compiler(execute: Execute) -> None:
    small = execute("#include <iostream>\nint main() { std::cout << 1; }", "cpp")
    assert small["usage"]["max_memory_bytes"] < 40 * MIB
    assert small["usage"]["cpu_seconds"] < small["compile_usage"]["cpu_seconds"]
    assert small["compile_usage"]["max_memory_bytes"] > small["usage"]["max_memory_bytes"]
    assert small["compile_seconds"] > small["execution_time"]

    large = execute(_LARGE, "cpp")
    assert 300 * MIB < large["usage"]["max_memory_bytes"] < 400 * MIB


def test_a_program_without_a_compiler_has_no_usage_of_one(execute: Execute) -> None:
    body = execute("x = bytearray(200 << 20)", output_files=["*"])
    assert not {"compile_seconds", "compile_usage"} & body.keys()
    assert body["usage"]["max_memory_bytes"] > 200 * MIB


def test_a_compiled_program_can_have_a_limit_of_half_a_second(http: httpx.Client) -> None:
    body = _timed_out(http, code=_ENDLESS, timeout=0.5, compile_timeout=60)
    assert 0 < body["execution_time"] < 5


def test_a_compiler_can_have_a_limit_of_its_own(
    http: httpx.Client, kubectl: InstallationKubectl
) -> None:
    code = "#include <bits/stdc++.h>\nint main() {}"
    body = _timed_out(http, code=code, timeout=60, compile_timeout=0.1)
    assert body["execution_time"] == 0
    message = kubectl.execution(body["execution_id"])["status"]["message"]
    assert message == "The compiler ran longer than its timeout."


def test_an_execution_of_kubectl_can_have_fractions_of_a_second(
    submit: Submit, finished: Finished
) -> None:
    status = finished(submit(_ENDLESS, "cpp", timeoutSeconds=0.3, compileTimeoutSeconds=60))
    assert status["reason"] == "DeadlineExceeded"
    assert status["message"] == "The program ran longer than its timeout."
    assert 0 < status["executionSeconds"] < 5


def test_merged_output_has_the_order_in_which_it_was_written(execute: Execute) -> None:
    body = execute(_BY_TURNS, merge_output=True)
    assert (body["stdout"], body["stderr"], body["stderr_truncated"]) == (_NUMBERS, "", False)


def test_merged_output_has_the_errors_of_a_compiler(http: httpx.Client) -> None:
    request = {"code": "int main() { nothing; }", "language": "cpp", "merge_output": True}
    body = http.post("/api/v1/execute", json=request).json()
    assert body["detail"].startswith("Invalid code syntax: ")
    assert "error:" in body["stdout"]
    assert body["stderr"] == ""


@pytest.mark.parametrize("place", ["/tmp", "/mnt/data", "/home/user", "/workspace"])
def test_a_pattern_may_be_the_absolute_name_of_a_file(execute: Execute, place: str) -> None:
    body = execute(f"open('{place}/a.txt', 'w').write('x')", output_files=[f"{place}/*.txt"])
    (file,) = body["files"]
    assert file["path"] == ("/tmp/a.txt" if place == "/tmp" else "a.txt")
    assert base64.b64decode(file["content_base64"]) == b"x"


def test_a_file_that_is_left_out_is_named_with_its_size(execute: Execute) -> None:
    code = "open('/tmp/big', 'w').write('x' * 300_000)\nopen('/tmp/small', 'w').write('x')"
    body = execute(code, output_files=["/tmp/*"])
    assert [file["path"] for file in body["files"]] == ["/tmp/small"]
    assert body["files_truncated"] is True
    assert body["files_omitted"] == [{"path": "/tmp/big", "size": 300_000, "reason": "TooLarge"}]


def test_executions_of_a_session_have_their_own_usage_and_limits(http: httpx.Client) -> None:
    made = http.post("/api/v1/sessions", json={"language": "cpp"})
    assert made.status_code == 201, made.text
    session = made.json()["session_id"]
    try:
        for code, least, most in ((_LARGE, 300, 400), ("int main() {}", 0, 40)):
            request = {
                "code": code,
                "language": "cpp",
                "session_id": session,
                "compile_timeout": 60,
            }
            body = http.post("/api/v1/execute", json=request).json()
            assert least * MIB < body["usage"]["max_memory_bytes"] < most * MIB
            assert body["compile_usage"]["max_memory_bytes"] > 0
    finally:
        http.delete(f"/api/v1/sessions/{session}")


def test_requests_of_a_batch_have_the_same_fields(http: httpx.Client) -> None:
    batch = [
        {"code": _BY_TURNS, "language": "python", "merge_output": True},
        {"code": _ENDLESS, "language": "cpp", "timeout": 0.5, "compile_timeout": 60},
        {"code": "print(1)", "language": "python", "timeout": 200, "compile_timeout": 200},
    ]
    merged, endless, wrong = http.post("/api/v1/execute/batch", json=batch).json()
    assert merged["stdout"] == _NUMBERS
    assert (endless["reason"], "compile_usage" in endless) == ("DeadlineExceeded", True)
    assert wrong["error"].startswith("compile_timeout: must be at most 300 seconds together")
