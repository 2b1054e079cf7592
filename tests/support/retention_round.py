"""One round of an operator's retention, against an API server with given tables."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from aiohttp import web
from support.operator_parts import answering, operator_parts

from cloche_operator.retention.collector import Retention

ALL = "/apis/cloche.dev/v1alpha1/namespaces/sandboxes"


def table(
    columns: Iterable[str], rows: list[list[Any]], metadata: list[dict[str, Any]] | None = None
) -> web.Response:
    """Return the API server's table with these rows."""
    listed = [
        {"cells": cells, "object": {"metadata": (metadata or [{}] * len(rows))[n]}}
        for n, cells in enumerate(rows)
    ]
    named = [{"name": name} for name in columns]
    return web.json_response({"columnDefinitions": named, "rows": listed, "metadata": {}})


async def nothing(_: web.Request) -> web.Response:
    """Return a table without rows, for any resource."""
    return table(("Name", "Phase", "Tenant", "Bytes", "Expires", "TTL", "Execution", "Created"), [])


async def keep(routes: Iterable[web.RouteDef], directory: Path) -> None:
    """Let a leading operator check once what is to be kept."""
    async with (
        answering(routes, directory) as kubeconfig,
        operator_parts(kubeconfig, "sandboxes") as ctx,
    ):
        await Retention(ctx)._keep()
