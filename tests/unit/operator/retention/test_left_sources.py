"""Sources that have no execution, or that a killed operator did not delete."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web
from support.fixtures.operator.parts import ALL, keep, nothing, table

from cloche_operator.leader.collector import SOURCE_SECONDS

YOUNG, OLD = SOURCE_SECONDS - 60, SOURCE_SECONDS + 60
"""Ages in seconds."""


class ApiServer:
    """An API server with these sources (name: execution, age) and unfinished executions."""

    def __init__(self, sources: dict[str, tuple[str, float]], unfinished: list[str]) -> None:
        self.sources = sources
        self.unfinished = unfinished
        self.calls: list[str] = []
        self.routes = [
            web.get(f"{ALL}/sandboxsources", self._sources),
            web.delete(f"{ALL}/sandboxsources/{{name}}", self._delete),
            web.get(f"{ALL}/sandboxexecutions", self._executions),
            web.get(f"{ALL}/sandboxtombstones", nothing),
            web.get(f"{ALL}/sandboxsessions", nothing),
        ]

    async def _sources(self, request: web.Request) -> web.Response:
        assert "resourceVersion" not in request.query, "a listing of the past misses executions"
        self.calls.append("sources")
        now = datetime.now(UTC)
        rows = [
            [name, of, (now - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%SZ")]
            for name, (of, age) in self.sources.items()
        ]
        return table(["Name", "Execution", "Created"], rows)

    async def _executions(self, request: web.Request) -> web.Response:
        if "fieldSelector" not in request.query:
            return await nothing(request)
        assert "resourceVersion" not in request.query, "a listing of the past misses executions"
        self.calls.append("unfinished")
        metadata = [{"name": name, "uid": f"uid-{name}"} for name in self.unfinished]
        columns = ["Pod", "WaitingPod", "Refused"]
        return table(columns, [[None, None, None]] * len(metadata), metadata)

    async def _delete(self, request: web.Request) -> web.Response:
        self.calls.append(f"delete {request.match_info['name']}")
        return web.json_response({})


async def kept(server: ApiServer, directory: Path) -> list[str]:
    """Run one round of retention, and return its requests about sources."""
    await keep(server.routes, directory)
    return server.calls


async def test_old_sources_without_an_unfinished_execution_are_deleted(tmp_path: Path) -> None:
    server = ApiServer(
        {
            "runs-01": ("runs", OLD),
            "ended-01": ("ended", OLD),
            "never-came-01": ("never-came", OLD),
            "may-come-01": ("may-come", YOUNG),
        },
        unfinished=["runs"],
    )
    # The executions are listed last, so that one created meanwhile is in the list.
    assert await kept(server, tmp_path) == [
        "sources",
        "unfinished",
        "delete ended-01",
        "delete never-came-01",
    ]


async def test_executions_are_not_listed_without_old_sources(tmp_path: Path) -> None:
    server = ApiServer({"may-come-01": ("may-come", YOUNG)}, unfinished=[])
    assert await kept(server, tmp_path) == ["sources"]
