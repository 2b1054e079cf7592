"""Files of a session against a real gateway. The tests act as the operator."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from integration.gateway.sessions.made import made
from support.fixtures.gateway import Gateway

from cloche_client import AsyncClient, Client, SessionFile, errors

T = TypeVar("T")
DONE = {"phase": "Completed", "reason": "ActionCompleted", "exitCode": None, "stdout": None}
LISTED = {"path": "d/ü b.bin", "size": 2, "modifiedTime": "2026-01-01T00:00:00.123000Z"}
CONTENT = {"path": "d/ü b.bin", "contentBase64": base64.b64encode(b"\xff\0").decode()}


async def answered(gateway: Gateway, call: Coroutine[Any, Any, T], *statuses: Any) -> T:
    """Make a call, and end each of its executions with one of the statuses."""
    task = asyncio.ensure_future(call)
    for status in statuses:
        execution = await gateway.cluster.pending()
        await gateway.cluster.end(execution["metadata"]["name"], **DONE | status)
    return await task


async def test_both_clients_move_the_files_of_a_session(
    gateway: Gateway, client: Client, aclient: AsyncClient
) -> None:
    name = await made(gateway)
    blocking = await asyncio.to_thread(client.existing_session, name)
    own = await aclient.existing_session(name)
    for upload, files, read, download, remove in (
        (own.upload({"a": b"\xff"}), own.files("d/*"), own.read("d/ü b.bin"),
         own.download(["d/*"]), own.remove("d/ü b.bin")),
        (asyncio.to_thread(blocking.upload, {"a": b"\xff"}),
         asyncio.to_thread(blocking.files, "d/*"),
         asyncio.to_thread(blocking.read, "d/ü b.bin"),
         asyncio.to_thread(blocking.download, ["d/*"]),
         asyncio.to_thread(blocking.remove, "d/ü b.bin")),
    ):  # fmt: skip
        await answered(gateway, upload, {"listedFiles": [LISTED]})
        found = await answered(gateway, files, {"listedFiles": [LISTED]})
        assert found == [SessionFile("d/ü b.bin", 2, "2026-01-01T00:00:00.123000Z")]
        assert await answered(gateway, read, {"files": [CONTENT]}) == b"\xff\0"
        (file,) = await answered(gateway, download, {"listedFiles": [LISTED]}, {"files": [CONTENT]})
        assert (file.path, file.content) == ("d/ü b.bin", b"\xff\0")
        await answered(gateway, remove, {"listedFiles": [LISTED]})


async def test_a_missing_file_is_told_from_a_missing_session(
    gateway: Gateway, aclient: AsyncClient
) -> None:
    session = await aclient.existing_session(await made(gateway))
    with pytest.raises(errors.FileMissingError, match="File x not found"):
        await answered(gateway, session.read("x"), {})
    await answered(gateway, session.remove("x"), {})
    await session.end()
    with pytest.raises(errors.NotFoundError, match=r"^Session ") as raised:
        await session.read("x")
    assert not isinstance(raised.value, errors.FileMissingError)
