"""The five examples of the original contract, each with its documented response."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from support.fixtures.executions import Execute

EXAMPLES: list[tuple[str, dict[str, Any], str]] = [
    (
        "python",
        {"code": 'print("Hello, World!")\nprint(2 + 2)', "language": "python"},
        "Hello, World!\n4\n",
    ),
    (
        "javascript",
        {"code": 'console.log("Hello from Node.js");', "language": "javascript"},
        "Hello from Node.js\n",
    ),
    (
        "stdin",
        {
            "code": 'name = input("Enter your name: ")\nprint(f"Hello, {name}!")',
            "language": "python",
            "stdin": "Nadoo",
        },
        "Enter your name: Hello, Nadoo!\n",
    ),
    (
        "environment",
        {
            "code": 'import os\nprint(os.environ["API_URL"])',
            "language": "python",
            "environment": {"API_URL": "https://api.example.com"},
        },
        "https://api.example.com\n",
    ),
    (
        "timeout",
        {
            "code": 'import time\ntime.sleep(5)\nprint("Done!")',
            "language": "python",
            "timeout": 10,
        },
        "Done!\n",
    ),
]


@pytest.mark.parametrize(
    ("request_", "stdout"), [e[1:] for e in EXAMPLES], ids=[e[0] for e in EXAMPLES]
)
def test_an_example_of_the_original_contract_is_answered_as_documented(
    http: httpx.Client, request_: dict[str, Any], stdout: str
) -> None:
    answer = http.post("/api/v1/execute", json=request_)

    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert str(uuid.UUID(body["execution_id"])) == body["execution_id"]
    assert body["stdout"] == stdout
    assert body["stderr"] == ""
    assert body["exit_code"] == 0
    assert body["language"] == request_["language"]
    assert body["session_id"] is None
    slept = 5 if "sleep" in request_["code"] else 0
    assert slept <= body["execution_time"] < slept + 3


def test_an_unsupported_language_is_400_with_the_supported_ones(http: httpx.Client) -> None:
    answer = http.post("/api/v1/execute", json={"code": "x", "language": "invalid"})

    assert answer.status_code == 400
    detail = answer.json()["detail"]
    assert detail.startswith(
        "Unsupported language: invalid. Supported languages: python, javascript"
    )


def test_a_timeout_is_500_with_the_output_printed_before(http: httpx.Client) -> None:
    code = 'import time\nprint("so far", flush=True)\ntime.sleep(60)'

    answer = http.post("/api/v1/execute", json={"code": code, "language": "python", "timeout": 1})

    assert answer.status_code == 500
    body = answer.json()
    assert body["detail"] == "Execution failed: container timeout"
    assert body["stdout"] == "so far\n"


@pytest.mark.parametrize(
    ("language", "code"),
    [("python", "print(("), ("javascript", "function ("), ("bash", "if then fi (")],
)
def test_invalid_syntax_is_400(http: httpx.Client, language: str, code: str) -> None:
    answer = http.post("/api/v1/execute", json={"code": code, "language": language})

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("Invalid code syntax: ")


def test_a_bash_programs_exit_code_is_returned(execute: Execute) -> None:
    assert execute('echo "$((6 * 7))"; exit 3', "bash")["exit_code"] == 3


@pytest.mark.parametrize(
    "session_id", ["user:42/chat", "ann@example.com", "Kurs Ümlaut 🪴", "a" * 256]
)
def test_any_string_is_a_session_id(http: httpx.Client, session_id: str) -> None:
    unique = f"{session_id[:200]} {uuid.uuid4()}"
    body = {"code": "print(1)", "language": "python", "session_id": unique}

    answer = http.post("/api/v1/execute", json=body)

    assert answer.status_code == 200, answer.text
    assert answer.json()["session_id"] == unique
    listed = http.get("/api/v1/executions", params={"session_id": unique}).json()["executions"]
    assert [one["session_id"] for one in listed] == [unique]
    http.delete(f"/api/v1/execute/session/{quote(unique, safe='')}")
    listed = http.get("/api/v1/executions", params={"session_id": unique}).json()["executions"]
    assert listed == []


def test_values_that_clients_send_in_another_form_are_accepted(http: httpx.Client) -> None:
    code = "import os, sys; print(os.environ['PORT'], sys.stdin.read())"
    body = {"code": code, "language": "python", "stdin": 5, "environment": {"PORT": 8080}}

    answer = http.post("/api/v1/execute", json={**body, "timeout": "30", "session_id": ""})

    assert answer.status_code == 200, answer.text
    assert answer.json()["stdout"] == "8080 5\n"
    assert answer.json()["session_id"] is None
    strict = http.post("/api/v1/execute?strict=true", json={**body, "timeout": "30"})
    assert strict.status_code == 400
