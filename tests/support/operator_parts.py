"""Parts of an operator in the tests' own process, for tests of single parts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from cloche_api.accounting.budget import ByteBudget
from cloche_kube.client import Rest
from cloche_operator.kube.api import Kube
from cloche_operator.metrics import Metrics
from cloche_operator.queue.capacity import Capacity
from cloche_operator.retention.index import Records
from cloche_operator.retention.writes import write_limit
from cloche_operator.settings import Settings
from cloche_operator.state.cache import Pods, Runtimes
from cloche_operator.state.context import Context
from cloche_operator.state.lease import Lease


@asynccontextmanager
async def operator_parts(kubeconfig: Path, namespace: str) -> AsyncIterator[Context]:
    """Connect to the API server, as the operator does at start."""
    rest = await Rest.connect(str(kubeconfig))
    kube, settings = Kube(rest, namespace), Settings(namespace=namespace)
    try:
        yield Context(
            settings=settings,
            rest=rest,
            kube=kube,
            pods=Pods(settings.users),
            runtimes=Runtimes(kube),
            metrics=Metrics(),
            lease=Lease(kube, settings),
            capacity=Capacity(settings),
            budget=ByteBudget(settings.buffer_bytes),
            records=Records(settings),
            writes=write_limit(settings),
        )
    finally:
        await rest.close()


@asynccontextmanager
async def answering(routes: Iterable[web.RouteDef], directory: Path) -> AsyncIterator[Path]:
    """Serve these routes in place of an API server; return the kubeconfig in `directory`."""
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        kubeconfig = directory / "kubeconfig"
        kubeconfig.write_text(
            f"""
            apiVersion: v1
            kind: Config
            current-context: here
            contexts: [{{name: here, context: {{cluster: here, user: me}}}}]
            clusters:
            - {{name: here, cluster: {{server: "http://127.0.0.1:{runner.addresses[0][1]}"}}}}
            users: [{{name: me, user: {{}}}}]
            """,
            encoding="utf-8",
        )
        yield kubeconfig
    finally:
        await runner.cleanup()
