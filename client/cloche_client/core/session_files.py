"""Files of a session, without a program (docs/user/sessions.md#files-of-a-session).

Each request is an execution of the session. Repeating one does no harm, because the executions of a
session run in the order in which they came.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from cloche_client.core import answers, requests, wire
from cloche_client.core.retry import answered
from cloche_client.errors import FileMissingError, NotFoundError, UnsafePathError
from cloche_client.files import read_files
from cloche_client.models import OutputFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloche_client.core.retry import Retry
    from cloche_client.core.wire import Flow, Reply, Request
    from cloche_client.files import Files
    from cloche_client.models import SessionFile

_MISSING = "File "
"""How the server's sentence begins if the file does not exist; else the session does not."""


def upload(session_id: str, files: Files, retry: Retry) -> Flow[None]:
    """Write files to the session's working directory, at most 512 KiB. Raises ClocheError."""
    contents = read_files(files)
    if not contents:
        return
    body = {"files": [requests.file(path, content) for path, content in contents.items()]}
    request = replace(wire.post(_path(session_id), body), repeatable=True)
    answers.body_of((yield from _answered(request, retry)))


def listed(session_id: str, pattern: str, retry: Retry) -> Flow[list[SessionFile]]:
    """Return the files that match a glob pattern.

    Raises:
        UnsafePathError: more files match than the server lists.
        ClocheError: the session has ended, or the pattern breaks a rule.
    """
    request = wire.get(_path(session_id), {"pattern": pattern})
    body = answers.body_of((yield from _answered(request, retry)))
    if body.flag("truncated"):
        raise UnsafePathError(
            f"More files match {pattern!r} than the server lists, which are 1,000 with 128 KiB of "
            "paths. Use a pattern that matches fewer."
        )
    return [answers.session_file_of(one) for one in body.objects("files")]


def read(session_id: str, path: str, retry: Retry) -> Flow[bytes]:
    """Return the content of a file, at most 256 KiB.

    Raises:
        FileMissingError: there is no regular file with this path.
        UnsafePathError: the path has empty, `.` or `..` parts.
        ClocheError: the session has ended, or the file is too large.
    """
    return answers.content_of((yield from _answered(wire.get(_path(session_id, path)), retry)))


def remove(session_id: str, path: str, retry: Retry) -> Flow[None]:
    """Remove a file. Removing one that does not exist is not an error. Raises ClocheError."""
    try:
        reply = yield from _answered(wire.delete(_path(session_id, path)), retry)
    except FileMissingError:
        return
    answers.body_of(reply)


def download(
    session_id: str, patterns: Sequence[str], retry: Retry
) -> Flow[tuple[OutputFile, ...]]:
    """Return the files that match glob patterns, each of at most 256 KiB. Raises as `read`."""
    paths: dict[str, None] = {}
    for pattern in patterns:
        found = yield from listed(session_id, pattern, retry)
        paths |= dict.fromkeys(one.path for one in found)
    fetched: tuple[OutputFile, ...] = ()
    for path in paths:
        fetched += (OutputFile(path, (yield from read(session_id, path, retry))),)
    return fetched


def _path(session_id: str, path: str | None = None) -> str:
    route = f"/api/v1/sessions/{wire.part(session_id)}/files"
    if path is None:
        return route
    # httpx resolves `..`, so that such a path would name another resource of the API.
    if {"", ".", ".."} & set(path.split("/")):
        raise UnsafePathError(f"The path {path!r} must not have empty, `.` or `..` parts.")
    return f"{route}/{quote(path, safe='/')}"


def _answered(request: Request, retry: Retry) -> Flow[Reply]:
    """Send a request, which waits for its turn in the session. Raises FileMissingError."""
    request = replace(request, seconds=wire.WAITING_SECONDS)
    reply = yield from answered(request, retry, busy=lambda _: True)
    if reply.status == 404:  # noqa: PLR2004
        error = answers.error_of(reply)
        if isinstance(error, NotFoundError) and error.detail.startswith(_MISSING):
            raise FileMissingError(error.detail, status=error.status, request_id=error.request_id)
    return reply
