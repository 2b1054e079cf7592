"""The files of Cloche whose functions run while something is handled.

`python -m support.observers.passed_files` prints those of one POST /api/v1/execute, by package.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from support.fixtures.control_planes import BARE, ControlPlane, Planes, shared
from support.fixtures.gateway import HELLO, Gateway, namespaces, started

from cloche_kube.client import Rest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType

PACKAGES = ("cloche_gateway", "cloche_api", "cloche_kube")


@contextlib.contextmanager
def recorded() -> Iterator[dict[str, None]]:
    """Record the file of each function that this thread enters or resumes, by first entry."""
    files: dict[str, None] = {}

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            files.setdefault(frame.f_code.co_filename)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield files
    finally:
        sys.setprofile(before)


def files_of(package: str, events: Iterable[str]) -> list[str]:
    """Return those of the recorded files that belong to a package, relative to it, in order."""
    place = importlib.import_module(package).__file__
    assert place is not None
    root = Path(place).parent
    return [str(Path(file).relative_to(root)) for file in events if Path(file).is_relative_to(root)]


async def of_execute(gateway: Gateway, plane: ControlPlane) -> list[str]:
    """Send one POST /api/v1/execute and return the files that the gateway passes.

    The client, which also acts as the operator, runs in another thread and so is not recorded.
    """
    with recorded() as files:
        await asyncio.to_thread(asyncio.run, _request(gateway, plane))
    return list(files)


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


async def _print(plane: ControlPlane) -> None:
    async with namespaces(plane) as cluster, started(plane, cluster) as gateway:
        passed = await of_execute(gateway, plane)
    for package in PACKAGES:
        files = files_of(package, passed)
        sys.stdout.write(f"{package}: {len(files)} files\n")
        sys.stdout.writelines(f"  {file}\n" for file in files)


def main() -> None:
    """Start a control plane, trace one request and print the files."""
    planes = Planes()
    try:
        planes.prepare(["tests/integration/gateway/"])
        asyncio.run(_print(shared(planes.place, BARE)))
    finally:
        planes.close()


if __name__ == "__main__":
    main()
