"""POST /api/v1/execute: the requests that are rejected, and what the others pass to the program."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest
from e2e.contract.requests import HELLO, ORIGINAL_LANGUAGES
from support.fixtures.executions import Execute

KIB = 1024
REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    (
        "400 unknown language",
        {"language": "cobol"},
        400,
        f"Unsupported language: cobol. Supported languages: {ORIGINAL_LANGUAGES}",
    ),
    ("400 the code cannot be parsed", {"code": "print("}, 400, "Invalid code syntax: "),
    (
        "400 the code cannot be compiled",
        {"code": "int main() { return x; }", "language": "cpp"},
        400,
        "Invalid code syntax: main.cpp",
    ),
    ("400 no code", {"code": ...}, 400, "code: is required"),
    ("400 no language", {"language": ...}, 400, "language: is required"),
    ("400 timeout of 0", {"timeout": 0}, 400, "timeout: must be between 0.1 and 300"),
    ("400 timeout of 301", {"timeout": 301}, 400, "timeout: must be between 0.1 and 300"),
    ("400 environment name", {"environment": {"1A": "x"}}, 400, "environment"),
    (
        "400 a path that climbs",
        {"files": [{"path": "../x", "content": ""}]},
        400,
        "files[0].path: ",
    ),
    ("400 an absolute path", {"files": [{"path": "/x", "content": ""}]}, 400, "files[0].path: "),
    ("400 cpu over 2", {"resources": {"cpu": 2.5}}, 400, "resources.cpu: "),
    ("400 memory_mb over 2048", {"resources": {"memory_mb": 2049}}, 400, "resources.memory_mb: "),
    ("400 disk_mb over 1024", {"resources": {"disk_mb": 1025}}, 400, "resources.disk_mb: "),
    (
        "400 disk_mb over memory_mb",
        {"resources": {"memory_mb": 128, "disk_mb": 256}},
        400,
        "resources.disk_mb: ",
    ),
    ("413 session_id of 257", {"session_id": "a" * 257}, 413, "session_id: "),
    ("413 code over 256 KiB", {"code": "#" * (256 * KIB + 1)}, 413, "code: "),
    ("413 stdin over 256 KiB", {"stdin": "x" * (256 * KIB + 1)}, 413, "stdin: "),
    ("413 environment over 64 KiB", {"environment": {"A": "x" * 65 * KIB}}, 413, "environment: "),
    (
        "413 environment of 129",
        {"environment": {f"A{n}": "" for n in range(129)}},
        413,
        "environment: ",
    ),
    (
        "413 files over 512 KiB",
        {"files": [{"path": f"{n}", "content": "x" * 200 * KIB} for n in range(3)]},
        413,
        "files: ",
    ),
    (
        "413 files of 65",
        {"files": [{"path": f"{n}", "content": ""} for n in range(65)]},
        413,
        "files: ",
    ),
    (
        "413 all of it over 700 KiB names the largest field",
        {
            "code": "#" * 250 * KIB,
            "stdin": "x" * 255 * KIB,
            "files": [{"path": "a", "content": "x" * 240 * KIB}],
        },
        413,
        "stdin: ",
    ),
    (
        "500 the program hit its timeout",
        {"code": "while True: pass", "timeout": 1},
        500,
        "Execution failed: container timeout",
    ),
]
"""Lines of the contract: name, fields (`...` leaves one out), status, beginning of `detail`."""


@pytest.mark.parametrize(
    ("fields", "status", "detail"),
    [line[1:] for line in REFUSED],
    ids=[line[0] for line in REFUSED],
)
def test_post_execute_rejects_an_invalid_field_with_its_status_and_detail(
    http: httpx.Client, fields: dict[str, Any], status: int, detail: str
) -> None:
    request = {k: v for k, v in {**HELLO, **fields}.items() if v is not ...}

    answer = http.post("/api/v1/execute", json=request)

    assert answer.status_code == status, answer.text
    assert answer.json()["detail"].startswith(detail), answer.text


def test_an_unknown_field_is_ignored_and_named_in_the_warnings(http: httpx.Client) -> None:
    answer = http.post("/api/v1/execute", json={**HELLO, "colour": "red"})

    assert answer.status_code == 200, answer.text
    assert answer.json()["warnings"] == ["colour: unknown field, ignored"]


def test_a_strict_request_with_an_unknown_field_is_400(http: httpx.Client) -> None:
    answer = http.post("/api/v1/execute?strict=true", json={**HELLO, "colour": "red"})

    assert (answer.status_code, answer.json()) == (400, {"detail": "colour: unknown field"})


def test_args_and_files_reach_the_program(execute: Execute) -> None:
    content = base64.b64encode(b"\x00\xff").decode()
    code = 'import sys\nprint(sys.argv[1:], open("d/a.bin", "rb").read(), open("b").read())'

    body = execute(
        code,
        args=["one", "two words"],
        files=[{"path": "d/a.bin", "content_base64": content}, {"path": "b", "content": "é"}],
    )

    assert body["stdout"] == "['one', 'two words'] b'\\x00\\xff' é\n"
