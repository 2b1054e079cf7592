"""Expired tombstones, and newer ones that have their names now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from support.fixtures.operator.parts import ALL, keep, nothing, table

OVER = timedelta(minutes=-1)


class ApiServer:
    """An API server that lists one expired tombstone. A read of it returns the expiry `at`."""

    def __init__(self, at: timedelta | None) -> None:
        self.deleted: list[Any] = []
        self._at = at
        self._now = datetime.now(UTC)
        self.routes = [
            web.get(f"{ALL}/sandboxtombstones", self._listed),
            web.get(f"{ALL}/sandboxtombstones/one", self._one),
            web.delete(f"{ALL}/sandboxtombstones/one", self._delete),
            web.get(f"{ALL}/{{others}}", nothing),
        ]

    async def _listed(self, _: web.Request) -> web.Response:
        return table(["Name", "Tenant", "Expires"], [["one", "acme", self._time(OVER)]])

    async def _one(self, _: web.Request) -> web.Response:
        if self._at is None:
            return web.json_response({"reason": "NotFound"}, status=404)
        return table(["Expires"], [[self._time(self._at)]], [{"uid": "uid"}])

    async def _delete(self, request: web.Request) -> web.Response:
        self.deleted.append((await request.json())["preconditions"])
        return web.json_response({})

    def _time(self, after: timedelta) -> str:
        return (self._now + after).isoformat()


async def deleted(server: ApiServer, directory: Path) -> list[Any]:
    """Run one round of retention, and return the preconditions of its deletions."""
    await keep(server.routes, directory)
    return server.deleted


async def test_an_expired_tombstone_is_deleted_by_its_uid(tmp_path: Path) -> None:
    assert await deleted(ApiServer(OVER), tmp_path) == [{"uid": "uid"}]


async def test_a_newer_tombstone_with_the_name_is_not_deleted(tmp_path: Path) -> None:
    assert await deleted(ApiServer(timedelta(hours=1)), tmp_path) == []


async def test_a_tombstone_that_is_already_gone_is_ignored(tmp_path: Path) -> None:
    assert await deleted(ApiServer(None), tmp_path) == []
