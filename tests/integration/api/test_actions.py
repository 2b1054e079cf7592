"""The rules of executions that run no program, and of the session ids of clients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.clients.api_server import CLOCHE, MERGE, ApiServer

Make = Callable[..., dict[str, Any]]

FILES = [{"path": "a", "content": ""}]
WRITE: dict[str, Any] = {"action": "WriteFiles", "session": "sbs-1", "files": FILES, "code": None}
LIST: dict[str, Any] = {
    "action": "ListFiles",
    "session": "sbs-1",
    "outputFiles": ["**"],
    "code": None,
}
SOURCE = {"name": "one-0123abcd", "bytes": 1}
RULE = "an action needs a session and has no program"


@pytest.fixture
def executions(namespace: str) -> str:
    """The path of the executions in a namespace of the test's own."""
    return f"{CLOCHE}/{namespace}/sandboxexecutions"


@pytest.mark.parametrize(
    "spec",
    [
        WRITE,
        WRITE | {"files": None, "source": SOURCE},
        LIST,
        LIST | {"action": "ReadFiles", "outputFiles": ["[[]a].txt"]},
        LIST | {"action": "RemoveFiles"},
        LIST | {"action": "Restart", "outputFiles": None},
    ],
)
def test_an_action_in_a_session_is_accepted_and_never_changes(
    server: ApiServer, executions: str, execution: Make, spec: dict[str, Any]
) -> None:
    made = server.create(executions, execution(**spec))
    assert made["spec"]["action"] == spec["action"]
    for action in ("WriteFiles" if spec["action"] != "WriteFiles" else "ListFiles", None):
        no = server.ask("PATCH", f"{executions}/one", {"spec": {"action": action}}, MERGE)
        assert no.status_code == 422, no.text
    server.merge(f"{executions}/one", {"spec": {"cancel": True}})


def test_an_action_cannot_be_added_to_a_program(
    server: ApiServer, executions: str, execution: Make
) -> None:
    server.create(executions, execution(session="sbs-1", outputFiles=["*"]))
    no = server.ask("PATCH", f"{executions}/one", {"spec": {"action": "ListFiles"}}, MERGE)
    assert (no.status_code, "spec.action may not change" in no.text) == (422, True)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (LIST | {"action": "Copy"}, "spec.action: Unsupported value"),
        (LIST | {"session": None}, RULE),
        (LIST | {"session": "course"}, RULE),
        (LIST | {"code": "print(1)"}, RULE),
        (LIST | {"entry": "pytest"}, RULE),
        (LIST | {"resources": {"cpu": 1}}, RULE),
        (LIST | {"outputFiles": None}, RULE),
        (LIST | {"files": FILES}, RULE),
        (LIST | {"source": SOURCE}, RULE),
        (LIST | {"action": "RemoveFiles", "outputFiles": ["../a"]}, "must be a relative path"),
        (WRITE | {"stdin": "a"}, RULE),
        (WRITE | {"args": ["a"]}, RULE),
        (WRITE | {"environment": {"A": "a"}}, RULE),
        (WRITE | {"files": None}, RULE),
        (WRITE | {"outputFiles": ["*"]}, RULE),
        (WRITE | {"files": [{"path": "../a", "content": ""}]}, "must be a relative path"),
        ({"session": "a", "sessionID": ""}, "spec.sessionID"),
        ({"session": "a", "sessionID": "x" * 257}, "spec.sessionID: Too long"),
    ],
)
def test_an_action_without_a_session_or_with_a_program_is_rejected(
    server: ApiServer, executions: str, execution: Make, spec: dict[str, Any], words: str
) -> None:
    refused = server.ask("POST", executions, execution(**spec))
    assert (refused.status_code, words in refused.json()["message"]) == (422, True), refused.text


def test_a_session_id_may_have_any_characters(
    server: ApiServer, executions: str, execution: Make
) -> None:
    for name, session_id in (("wide", "🪴" * 256), ("odd", "a,b=c\\d/\n\0")):
        made = server.create(executions, execution(name, session="a", sessionID=session_id))
        assert made["spec"]["sessionID"] == session_id


def test_a_status_has_at_most_1000_listed_files(
    server: ApiServer, executions: str, execution: Make
) -> None:
    server.create(executions, execution(**LIST))
    file = {"path": "a", "size": 1, "modifiedTime": "2026-01-02T03:04:30.123000Z"}
    for count, status in ((1001, 422), (1000, 200)):
        body = {"status": {"phase": "Completed", "listedFiles": [file] * count}}
        answer = server.ask("PATCH", f"{executions}/one/status", body, MERGE)
        assert answer.status_code == status, answer.text
