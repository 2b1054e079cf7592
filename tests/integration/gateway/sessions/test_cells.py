"""Sessions that keep their interpreter. The tests act as the operator."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from integration.gateway.sessions.made import PATH, as_other, made, pending_session, stored
from integration.gateway.sessions.made import write_status as write
from support.fixtures.gateway import runtime

if TYPE_CHECKING:
    from support.fixtures.gateway import Gateway

LUA = {"language": "lua", "stateful": "interpreter"}
CELLS = {"command": ["lua", "/opt/cells"]}
ERROR = {"name": "NameError", "value": "x", "traceback": "Traceback …\n"}
SHOWN = {"text/plain": "1", "image/png": "aGk="}
CELL = {
    "results": [
        {"kind": "Display", "data": SHOWN},
        {"kind": "Result", "data": {"text/plain": "2"}},
    ],
    "resultsTruncated": True,
    "stateLost": False,
    "error": ERROR,
    "exitCode": 1,
}


async def lua(gateway: Gateway) -> str:
    """Install a language with cells, and return a session that keeps its interpreter."""
    await gateway.cluster.apply_runtime(runtime("lua", "main.lua", cells=CELLS))

    async def installed() -> bool:
        return "lua" in (await gateway.http.get("/api/v1/execute/languages")).json()

    await gateway.until(installed, "the language")
    return await made(gateway, **LUA)


async def test_a_session_that_keeps_its_interpreter_is_created_and_named_so(
    gateway: Gateway,
) -> None:
    await gateway.cluster.apply_runtime(runtime("lua", "main.lua", cells=CELLS))

    async def accepted() -> bool:
        asked = asyncio.create_task(gateway.http.post(PATH, json=LUA))
        done, _ = await asyncio.wait({asked}, timeout=0.2)
        if done:
            assert asked.result().status_code == 400
            return False
        name = await pending_session(gateway)
        await write(gateway, name, phase="Ready", expiresAt=None)
        answer = await asked
        assert answer.json()["stateful"] == "interpreter"
        return True

    await gateway.until(accepted, "the language")
    (session,) = await stored(gateway)
    assert session["spec"]["stateful"] == "Interpreter"
    name = session["metadata"]["name"]
    assert (await gateway.http.get(f"{PATH}/{name}")).json()["stateful"] == "interpreter"
    plain = await made(gateway)
    assert "stateful" not in (await gateway.http.get(f"{PATH}/{plain}")).json()


@pytest.mark.parametrize(
    ("stateful", "detail"),
    [
        (
            "interpreter",
            "stateful: must be absent, because python has no interpreter that can be kept",
        ),
        ("files", "stateful: "),
    ],
)
async def test_a_session_of_a_language_without_cells_is_refused(
    gateway: Gateway, stateful: str, detail: str
) -> None:
    answer = await gateway.http.post(PATH, json={"language": "python", "stateful": stateful})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(detail)


async def test_the_answer_of_a_cell_has_its_results_and_its_error(gateway: Gateway) -> None:
    name = await lua(gateway)
    body = {"code": "x", "language": "lua", "session_id": name}
    answer = await gateway.run(body, **CELL)
    assert answer.status_code == 200
    found = answer.json()
    assert found["results"] == [
        {"kind": "display", "data": SHOWN},
        {"kind": "result", "data": {"text/plain": "2"}},
    ]
    assert (found["error"], found["state_lost"], found["exit_code"]) == (ERROR, False, 1)
    assert found["results_truncated"]
    lost = await gateway.run(
        body,
        phase="TimedOut",
        reason="DeadlineExceeded",
        **CELL | {"stateLost": True},
    )
    assert (lost.status_code, lost.json()["state_lost"]) == (500, True)


async def test_a_batch_has_the_error_of_a_cell_that_ended_by_itself(gateway: Gateway) -> None:
    name = await lua(gateway)
    body = {"code": "x", "language": "lua", "session_id": name}
    asked = asyncio.create_task(gateway.http.post("/api/v1/execute/batch", json=[body]))
    execution = await gateway.cluster.pending()
    await gateway.cluster.end(execution["metadata"]["name"], **CELL)
    (item,) = (await asked).json()
    assert item["error"] == ERROR


@pytest.mark.parametrize(
    ("field", "value"),
    [("stdin", "1"), ("args", ["1"]), ("merge_output", True)],
)
async def test_a_cell_with_a_field_of_a_new_process_is_refused(
    gateway: Gateway, field: str, value: Any
) -> None:
    name = await lua(gateway)
    body = {"code": "x", "language": "lua", "session_id": name, field: value}
    answer = await gateway.http.post("/api/v1/execute", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        f"{field}: must be absent in a session that keeps its interpreter",
    )


async def test_the_results_of_an_ended_cell_are_replayed_as_events(gateway: Gateway) -> None:
    name = await lua(gateway)
    body = {"code": "x", "language": "lua", "session_id": name}
    execution = (await gateway.http.post("/api/v1/execute/async", json=body)).json()["execution_id"]
    await gateway.cluster.end(execution, stdout="out", **CELL)
    path = f"/api/v1/executions/{execution}/events"

    async def events(last: str | None = None) -> list[tuple[str, str, Any]]:
        headers = {"Last-Event-ID": last} if last else {}
        text = (await gateway.http.get(path, headers=headers)).text
        blocks = [dict(line.split(": ", 1) for line in b.splitlines()) for b in text.split("\n\n")]
        return [(b["event"], b["id"], json.loads(b["data"])) for b in blocks if "event" in b]

    found = await events()
    assert [(kind, at) for kind, at, _ in found][1:] == [
        ("stdout", "1-3-0-0"),
        ("result", "1-3-0-0-1"),
        ("result", "1-3-0-0-2"),
        ("exit", "1-3-0-1-2"),
    ]
    assert found[2][2] == {"kind": "display", "data": SHOWN, "replayed": True}
    assert "results" not in found[-1][2]["result"]
    assert found[-1][2]["result"]["error"] == ERROR
    assert [kind for kind, _, _ in await events("1-3-0-0-1")] == ["result", "exit"]


async def test_a_restart_is_an_action_of_the_session(gateway: Gateway) -> None:
    name = await lua(gateway)
    asked = asyncio.create_task(gateway.http.post(f"{PATH}/{name}/restart"))
    execution = await gateway.cluster.pending()
    assert (execution["spec"]["action"], execution["spec"]["session"]) == ("Restart", name)
    assert not {"files", "outputFiles", "code"} & set(execution["spec"])
    await gateway.cluster.end(
        execution["metadata"]["name"],
        phase="Completed",
        reason="ActionCompleted",
        exitCode=None,
        stdout=None,
    )
    answer = await asked
    assert (answer.status_code, answer.json()) == (200, {"message": f"Session {name} restarted"})
    other = await gateway.http.post(f"{PATH}/{name}/restart", headers=as_other(gateway))
    assert other.status_code == 404
    plain = await made(gateway)
    refused = await gateway.http.post(f"{PATH}/{plain}/restart")
    assert (refused.status_code, refused.json()["detail"]) == (
        400,
        "session_id: must be a session that keeps its interpreter",
    )
