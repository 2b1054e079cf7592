"""Stateful sessions, and the clean-up of a session's executions."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import httpx
from e2e.contract.requests import ended, started
from support.deadline import until


def test_a_stateful_session_keeps_its_files_between_executions(http: httpx.Client) -> None:
    answer = http.post("/api/v1/sessions", json={"language": "python"})
    assert answer.status_code == 201, answer.text
    session = answer.json()["session_id"]
    assert {"session_id", "language", "expires_at"} <= set(answer.json())
    run: Callable[[str], Any] = lambda code: http.post(  # noqa: E731  said once
        "/api/v1/execute", json={"code": code, "language": "python", "session_id": session}
    ).json()

    run('open("kept", "w").write("so")')

    assert run('print(open("kept").read())')["stdout"] == "so\n"
    wrong = http.post(
        "/api/v1/execute", json={"code": "echo", "language": "bash", "session_id": session}
    )
    assert wrong.status_code == 400
    assert http.delete(f"/api/v1/sessions/{session}").status_code in {200, 204}
    assert http.get(f"/api/v1/sessions/{session}").status_code == 404


def test_an_unknown_session_is_404(http: httpx.Client, other: httpx.Client) -> None:
    assert http.get("/api/v1/sessions/ses-nothing").status_code == 404
    mine = http.post("/api/v1/sessions", json={"language": "bash"}).json()["session_id"]
    assert other.get(f"/api/v1/sessions/{mine}").status_code == 404
    http.delete(f"/api/v1/sessions/{mine}")


def test_session_clean_up_cancels_and_removes_only_the_keys_own_executions(
    http: httpx.Client, other: httpx.Client
) -> None:
    session = f"t-{uuid.uuid4()}"
    ended(http, started(http, session_id=session))
    runs = started(http, session_id=session, code="import time; time.sleep(60)")
    theirs = started(other, session_id=session)

    answer = http.delete(f"/api/v1/execute/session/{session}")

    assert answer.json() == {"message": f"Session {session} cleaned up"}

    def gone() -> bool:
        return http.get(f"/api/v1/executions/{runs}").status_code == 404

    until(gone, "the execution to be removed", 10)
    assert other.get(f"/api/v1/executions/{theirs}").status_code == 200
