"""Executions that are started, read, listed, cancelled and removed, alone and in batches."""

from __future__ import annotations

import uuid
from datetime import datetime

import httpx
from e2e.contract.requests import HELLO, ORIGINAL_FIELDS, ended, started
from support.deadline import until


def test_an_asynchronous_execution_is_202_and_pending(http: httpx.Client) -> None:
    answer = http.post("/api/v1/execute/async", json=HELLO)

    assert answer.status_code == 202
    body = answer.json()
    assert body["status"] == "pending"
    assert {"execution_id", "created_at"} <= set(body)


def test_status_reports_state_times_and_result(http: httpx.Client) -> None:
    body = ended(http, started(http))

    assert body["status"] == "completed"
    times = [body[name] for name in ("created_at", "started_at", "completed_at")]
    assert sorted(times, key=datetime.fromisoformat) == times
    assert set(body["result"]) >= ORIGINAL_FIELDS
    assert body["result"]["stdout"] == "hello\n"


def test_the_execution_of_another_tenant_is_404(http: httpx.Client, other: httpx.Client) -> None:
    name = started(http)

    for path in ("execute/status/{}", "executions/{}", "executions/{}/events"):
        answer = other.get(f"/api/v1/{path.format(name)}")
        assert (answer.status_code, answer.json()["detail"]) == (404, f"Execution {name} not found")
    assert other.delete(f"/api/v1/executions/{name}").status_code == 404


def test_a_batch_is_answered_in_order_and_a_failed_item_does_not_fail_the_others(
    http: httpx.Client,
) -> None:
    batch = [
        HELLO,
        {"code": "print(", "language": "python"},
        {"code": "x"},
        {**HELLO, "code": "print(2)"},
    ]

    answer = http.post("/api/v1/execute/batch", json=batch)

    assert answer.status_code == 200, answer.text
    results = answer.json()
    assert [r["exit_code"] for r in results] == [0, -1, -1, 0]
    assert [r["stdout"] for r in results] == ["hello\n", "", "", "2\n"]
    assert results[1]["error"].startswith("Invalid code syntax: ")
    assert results[2]["error"] == "language: is required"


def test_a_batch_of_eleven_is_400(http: httpx.Client) -> None:
    answer = http.post("/api/v1/execute/batch", json=[HELLO] * 11)

    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "Maximum 10 executions allowed in a batch",
    )


def test_executions_are_listed_newest_first_with_a_cursor(http: httpx.Client) -> None:
    session = f"t-{uuid.uuid4()}"
    names = []
    for _ in range(3):
        names.append(started(http, session_id=session))
        ended(http, names[-1])

    seen, cursor = [], None
    while True:
        params: dict[str, str | int] = {"session_id": session, "limit": 2}
        if cursor:
            params["cursor"] = cursor
        page = http.get("/api/v1/executions", params=params).json()
        seen += [e["execution_id"] for e in page["executions"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert sorted(seen) == sorted(names)
    assert seen[0] == names[-1]


def test_deleting_an_execution_cancels_it_and_keeps_its_record(http: httpx.Client) -> None:
    name = started(http, code="import time; time.sleep(60)")

    assert http.delete(f"/api/v1/executions/{name}").status_code == 200

    assert ended(http, name)["status"] == "cancelled"


def test_an_idempotency_key_returns_the_same_execution(http: httpx.Client) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    request = {"code": "import time; print(time.time_ns())", "language": "python"}

    first, second = (http.post("/api/v1/execute", json=request, headers=headers) for _ in range(2))
    third = http.post("/api/v1/execute", json={**request, "args": ["x"]}, headers=headers)

    assert first.json() == second.json()
    assert third.status_code == 409


def test_a_purged_record_is_404_and_its_idempotency_key_is_410(
    http: httpx.Client,
) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    name = http.post("/api/v1/execute", json=HELLO, headers=headers).json()["execution_id"]

    purged = http.delete(f"/api/v1/executions/{name}", params={"purge": "true"})
    again = http.post("/api/v1/execute", json=HELLO, headers=headers)

    assert (purged.status_code, again.status_code) == (200, 410)
    assert http.get(f"/api/v1/executions/{name}").status_code == 404


def test_a_record_with_ttl_zero_is_removed_once_it_is_answered(
    http: httpx.Client,
) -> None:
    answer = http.post("/api/v1/execute", json={**HELLO, "ttl_seconds": 0})
    path = f"/api/v1/executions/{answer.json()['execution_id']}"

    assert answer.json()["stdout"] == "hello\n"
    until(lambda: http.get(path).status_code == 404, "the record to be removed", 15)
