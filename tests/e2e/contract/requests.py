"""Requests of the contract's tests, and what the original contract lists."""

from __future__ import annotations

from typing import Any

import httpx

ORIGINAL_LANGUAGES = (
    "python, javascript, typescript, java, go, rust, cpp, csharp, ruby, php, sql, bash"
)
"""The languages of the API's first document, which come first and in this order."""
ORIGINAL_FIELDS = {
    *("execution_id", "stdout", "stderr", "exit_code", "execution_time", "language", "session_id"),
}
HELLO = {"code": 'print("hello")', "language": "python"}


def started(http: httpx.Client, **fields: Any) -> str:
    """Start an asynchronous execution and return its id."""
    answer = http.post("/api/v1/execute/async", json={**HELLO, **fields})
    assert answer.status_code == 202, answer.text
    name: str = answer.json()["execution_id"]
    return name


def ended(http: httpx.Client, name: str) -> dict[str, Any]:
    """Wait until an execution has ended, and return its status."""
    answer = http.get(f"/api/v1/execute/status/{name}", params={"wait": 60})
    body: dict[str, Any] = answer.json()
    assert body["completed_at"], body
    return body
