"""Which requests move the files of a session."""

from __future__ import annotations

import json

import pytest
from support.fixtures.client.script import LOST, RETRY, Script, reply

from cloche_client import errors
from cloche_client.core import session_files
from cloche_client.core.wire import Reply

_ROUTE = "/api/v1/sessions/sbs-1/files"


def listing(*paths: str, truncated: bool = False) -> Reply:
    files = [{"path": path, "size": 1, "modified_at": "2026-01-01T00:00:00Z"} for path in paths]
    return reply(200, {"files": files, "truncated": truncated})


def missing(path: str) -> Reply:
    return reply(404, {"detail": f"File {path} not found"})


def content(data: bytes) -> Reply:
    return Reply(200, {}, data)


def test_files_are_sent_again_after_a_lost_connection() -> None:
    script = Script([LOST, listing("a/b.txt", "c")])
    script.drive(session_files.upload("sbs-1", {"a/b.txt": "text", "c": b"\xff"}, RETRY))
    first, second = script.requests
    assert first == second
    assert (first.method, first.path) == ("POST", _ROUTE)
    assert json.loads(first.body or b"") == {
        "files": [{"path": "a/b.txt", "content": "text"}, {"path": "c", "content_base64": "/w=="}]
    }
    assert first.seconds > 60, "a turn may come after 60 s"


def test_no_files_need_no_request() -> None:
    Script([]).drive(session_files.upload("sbs-1", {}, RETRY))


def test_patterns_are_listed_and_each_file_is_fetched_once() -> None:
    script = Script(
        [listing("a.txt", "d/é b.txt"), listing("a.txt"), content(b"1"), content(b"\xff")]
    )
    found = script.drive(session_files.download("sbs-1", ["**", "a.*"], RETRY))
    assert {one.path: one.content for one in found} == {"a.txt": b"1", "d/é b.txt": b"\xff"}
    assert [one.path for one in script.requests] == [
        f"{_ROUTE}?pattern=%2A%2A",
        f"{_ROUTE}?pattern=a.%2A",
        f"{_ROUTE}/a.txt",
        f"{_ROUTE}/d/%C3%A9%20b.txt",
    ]


def test_a_list_that_is_not_complete_is_not_fetched() -> None:
    script = Script([listing("a", truncated=True)])
    with pytest.raises(errors.UnsafePathError, match="matches fewer"):
        script.drive(session_files.download("sbs-1", ["**"], RETRY))


def test_a_missing_file_is_not_a_missing_session() -> None:
    with pytest.raises(errors.FileMissingError, match="File x not found"):
        Script([missing("x")]).drive(session_files.read("sbs-1", "x", RETRY))
    ended = reply(404, {"detail": "Session sbs-1 not found"})
    with pytest.raises(errors.NotFoundError) as raised:
        Script([ended]).drive(session_files.read("sbs-1", "x", RETRY))
    assert not isinstance(raised.value, errors.FileMissingError)


def test_a_file_that_was_removed_before_the_connection_broke_is_removed() -> None:
    script = Script([LOST, missing("x")])
    script.drive(session_files.remove("sbs-1", "x", RETRY))
    assert [one.method for one in script.requests] == ["DELETE", "DELETE"]


def test_a_file_that_is_too_large_is_named_by_the_server() -> None:
    refused = reply(413, {"detail": "path: the file must be at most 256 KiB"})
    with pytest.raises(errors.TooLargeError, match="at most 256 KiB"):
        Script([refused]).drive(session_files.read("sbs-1", "x", RETRY))


@pytest.mark.parametrize("path", ["..", "../..", "a/../b", "./a", "/a", "a//b", ""])
def test_a_path_that_would_name_another_resource_is_not_sent(path: str) -> None:
    for flow in (session_files.read, session_files.remove):
        with pytest.raises(errors.UnsafePathError, match="parts"):
            Script([]).drive(flow("sbs-1", path, RETRY))
