"""Sessions without a program: their list, their life, and their files."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

SESSIONS = "/api/v1/sessions"
BINARY = bytes(range(256))


@pytest.fixture
def session(http: httpx.Client) -> Iterator[str]:
    """The path of a session, which ends with the test."""
    answer = http.post(SESSIONS, json={"language": "python", "idle_timeout": 300})
    assert answer.status_code == 201, answer.text
    path = f"{SESSIONS}/{answer.json()['session_id']}"
    yield path
    http.delete(path)


def run(http: httpx.Client, session: str, code: str) -> dict[str, Any]:
    body = {"code": code, "language": "python", "session_id": session.rpartition("/")[2]}
    answer = http.post("/api/v1/execute", json=body)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


def paths(http: httpx.Client, session: str, **query: str) -> list[str]:
    answer = http.get(f"{session}/files", params=query)
    assert answer.status_code == 200, answer.text
    return [file["path"] for file in answer.json()["files"]]


def test_files_go_to_a_program_and_back_without_another_one(
    http: httpx.Client, session: str
) -> None:
    files = [
        {"path": "data/in.bin", "content_base64": base64.b64encode(BINARY).decode()},
        {"path": "grüße.txt", "content": "grüße\r\n"},
    ]
    written = http.post(f"{session}/files", json={"files": files})
    assert written.status_code == 200, written.text
    assert [(file["path"], file["size"]) for file in written.json()["files"]] == [
        ("data/in.bin", 256),
        ("grüße.txt", 9),
    ]
    code = 'd = open("data/in.bin", "rb").read(); open("data/out.bin", "wb").write(d[::-1])'
    assert run(http, session, code)["exit_code"] == 0
    assert paths(http, session) == ["data/in.bin", "data/out.bin", "grüße.txt", "main.py"]
    assert paths(http, session, pattern="data/o*") == ["data/out.bin"]
    answer = http.get(f"{session}/files/data/out.bin")
    assert (answer.status_code, answer.content) == (200, BINARY[::-1])
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert http.get(f"{session}/files/grüße.txt").content == "grüße\r\n".encode()
    assert http.delete(f"{session}/files/data/out.bin").status_code == 200
    for method in ("GET", "DELETE"):
        assert http.request(method, f"{session}/files/data/out.bin").status_code == 404


def test_a_session_can_be_filled_before_its_first_program(http: httpx.Client, session: str) -> None:
    assert paths(http, session) == []
    http.post(f"{session}/files", json={"files": [{"path": ".tmp/x", "content": "1"}]})
    assert run(http, session, 'print(open("/tmp/x").read())')["stdout"] == "1\n"


def test_what_a_program_leaves_cannot_lead_out_of_the_working_directory(
    http: httpx.Client, session: str
) -> None:
    code = """if True:
        import os
        os.symlink("/etc/passwd", "link")
        os.symlink("/etc", "directory")
        os.mkfifo("pipe")
        os.mkdir("taken")
        if os.fork() == 0:  # it would swap names while files are used
            os.setsid()
            while True:
                os.replace("link", "other")
                os.replace("other", "link")
    """
    run(http, session, code)
    assert paths(http, session) == ["main.py"]
    for path in ("link", "directory/passwd", "pipe", "taken", "%2E%2E/etc/passwd"):
        assert http.get(f"{session}/files/{path}").status_code in {400, 404}, path
    for path, reason in (("directory/x", ""), ("taken", "Is a directory"), ("pipe/x", "Not a")):
        answer = http.post(f"{session}/files", json={"files": [{"path": path, "content": ""}]})
        assert answer.status_code == 400, path
        assert answer.json()["detail"].startswith(f"files: {path}: {reason}")
    replaced = http.post(f"{session}/files", json={"files": [{"path": "link", "content": "1"}]})
    assert replaced.status_code == 200, replaced.text
    look = 'import os; print(os.path.islink("link"), open("link").read())'
    assert run(http, session, look)["stdout"] == "False 1\n"


def test_a_file_that_is_too_large_or_does_not_fit_does_not_end_the_session(
    http: httpx.Client, session: str
) -> None:
    run(http, session, 'open("big", "wb").write(bytes(300_000))')
    large = http.get(f"{session}/files/big")
    assert (large.status_code, "but has 300000 bytes" in large.text) == (413, True)
    run(http, session, 'open("fill", "wb").write(bytes(104_500_000))')
    full = http.post(f"{session}/files", json={"files": [{"path": "a", "content": "x" * 500_000}]})
    assert (full.status_code, full.json()["detail"]) == (
        400,
        "files: a: the working directory is full",
    )
    assert http.delete(f"{session}/files/fill").status_code == 200
    assert http.post(
        f"{session}/files", json={"files": [{"path": "a", "content": "x" * 500_000}]}
    ).is_success


def test_the_records_of_actions_are_removed(http: httpx.Client, session: str) -> None:
    paths(http, session)
    listed = http.get("/api/v1/executions", params={"session_id": session.rpartition("/")[2]})
    assert [
        one["status"] for one in listed.json()["executions"] if one["status"] == "running"
    ] == []


def test_the_life_of_a_session_is_extended_and_shortened(http: httpx.Client, session: str) -> None:
    before = datetime.fromisoformat(http.get(session).json()["expires_at"])
    longer = http.patch(session, json={"idle_timeout": 7200, "lifetime": 86_400})
    assert longer.status_code == 200, longer.text
    after = datetime.fromisoformat(longer.json()["expires_at"])
    assert 6000 < (after - before).total_seconds() <= 7200
    assert run(http, session, "print(1)")["stdout"] == "1\n"
    over = http.patch(session, json={"lifetime": 1})
    assert over.status_code in {200, 404}, over.text


def test_a_list_has_the_tenants_own_sessions(
    http: httpx.Client, other: httpx.Client, session: str
) -> None:
    name = session.rpartition("/")[2]
    mine = http.get(SESSIONS).json()["sessions"]
    assert name in {one["session_id"] for one in mine}
    assert name not in {one["session_id"] for one in other.get(SESSIONS).json()["sessions"]}
    for method, path in (("GET", "/files"), ("GET", "/files/a"), ("PATCH", ""), ("POST", "/files")):
        body = {"lifetime": 60, "files": [{"path": "a", "content": ""}]}
        answer = other.request(method, f"{session}{path}", json=body)
        assert answer.status_code == 404, answer.text
