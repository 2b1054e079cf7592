"""The files that one POST /api/v1/execute passes in the gateway."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
from support.fixtures.gateway import HELLO, namespaces, started
from support.passed_files.trace import files_of, recorded

from cloche_kube.client import Rest

if TYPE_CHECKING:
    from support.fixtures.control_planes import ControlPlane
    from support.fixtures.gateway import Gateway

PACKAGES = ("cloche_gateway", "cloche_api", "cloche_kube")


async def gateway_files(plane: ControlPlane) -> dict[str, list[str]]:
    """Return the files of each own package that one request passes.

    The client, which also acts as the operator, runs in another thread and so is not recorded.
    """
    async with namespaces(plane) as cluster, started(plane, cluster) as gateway:
        with recorded() as files:
            await asyncio.to_thread(asyncio.run, _request(gateway, plane))
    return {package: files_of(package, files) for package in PACKAGES}


async def _request(gateway: Gateway, plane: ControlPlane) -> None:
    rest = await Rest.connect(str(plane.kubeconfig))
    http = httpx.AsyncClient(base_url=gateway.url, headers=gateway.http.headers, timeout=60)
    client = replace(gateway, cluster=replace(gateway.cluster, rest=rest), http=http)
    try:
        answer = await client.run({**HELLO, "timeout": 10})
        assert answer.status_code == 200, answer.text
    finally:
        await http.aclose()
        await rest.close()
