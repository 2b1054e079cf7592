"""SandboxFusion's own client: PyPI's sandbox-fusion, which sends no key."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from support.clients.environments import python_environment
from support.clients.programs import run_client

MANY = 64
DATA = base64.b64encode(b"1,2\n").decode()
CASES: dict[str, dict[str, Any]] = {
    "success": {"code": "print(int(input()) + 1)", "language": "python", "stdin": "41"},
    "failure": {"code": "import sys\nprint('so far')\nsys.exit(3)", "language": "python"},
    "syntax": {"code": "print(", "language": "python"},
    "timeout": {"code": "while True: pass", "language": "python", "run_timeout": 1},
    "compiled": {"code": '#include <cstdio>\nint main() { puts("1"); }', "language": "cpp"},
    "rejected": {"code": "int main() { return x; }", "language": "cpp"},
    "node": {"code": "console.log([1, 2].length)", "language": "nodejs"},
    "sql": {"code": "select 6 * 7;", "language": "sql"},
    "pytest": {"code": "def test_sum():\n    assert 1 + 1 == 2\n", "language": "pytest"},
    "files": {
        "code": "open('out.txt', 'w').write(open('in/data.csv').read()[::-1])",
        "language": "python",
        "files": {"in/data.csv": DATA},
        "fetch_files": ["out.txt"],
    },
    "many": {"code": "print(6 * 7)", "language": "python", "run_timeout": 30, "many": MANY},
}


@pytest.fixture(scope="module")
def answers(keyless_gateway: str) -> dict[str, list[Any]]:
    found = run_client(
        python_environment("sandbox-fusion"), "fusion.py", keyless_gateway,
        given=list(CASES.values()),
    )  # fmt: skip
    return dict(zip(CASES, found, strict=True))


@pytest.mark.parametrize(
    ("name", "status", "stdout", "code"),
    [
        ("success", "Success", "42\n", 0),
        ("failure", "Failed", "so far\n", 3),
        ("syntax", "Failed", "", 1),
        ("compiled", "Success", "1\n", 0),
        ("node", "Success", "2\n", 0),
        ("sql", "Success", "42\n", 0),
    ],
)
def test_a_program_ends_with_its_output_and_exit_code(
    answers: dict[str, list[Any]], name: str, status: str, stdout: str, code: int
) -> None:
    (answer,) = answers[name]
    ran = answer["run_result"]
    assert (answer["status"], ran["status"], ran["return_code"]) == (status, "Finished", code)
    assert ran["stdout"] == stdout
    assert ("SyntaxError" in ran["stderr"]) == (name == "syntax")
    assert (answer["compile_result"] is not None) == (name == "compiled")


def test_a_timeout_is_a_failure_without_an_exit_code(answers: dict[str, list[Any]]) -> None:
    (answer,) = answers["timeout"]
    assert answer["status"] == "Failed"
    assert answer["run_result"]["status"] == "TimeLimitExceeded"
    assert answer["run_result"]["return_code"] is None


def test_a_rejected_program_is_not_run(answers: dict[str, list[Any]]) -> None:
    (answer,) = answers["rejected"]
    assert (answer["status"], answer["run_result"]) == ("Failed", None)
    assert answer["compile_result"]["return_code"] == 1
    assert "error" in answer["compile_result"]["stderr"]


def test_a_test_framework_is_an_entry(answers: dict[str, list[Any]]) -> None:
    (answer,) = answers["pytest"]
    assert answer["status"] == "Success"
    assert "1 passed" in answer["run_result"]["stdout"]


def test_files_are_uploaded_and_fetched(answers: dict[str, list[Any]]) -> None:
    (answer,) = answers["files"]
    assert base64.b64decode(answer["files"]["out.txt"]) == b"\n2,1"


def test_many_requests_at_a_time_wait_and_all_succeed(answers: dict[str, list[Any]]) -> None:
    assert len(answers["many"]) == MANY
    assert {answer["status"] for answer in answers["many"]} == {"Success"}
    assert {answer["run_result"]["stdout"] for answer in answers["many"]} == {"42\n"}
