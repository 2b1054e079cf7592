"""A gateway that serves Piston."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest_asyncio
from support.fixtures.gateway import Gateway, namespaces, runtime, started

from cloche_kube.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from support.fixtures.control_planes import ControlPlane


@pytest_asyncio.fixture(scope="module")
async def shared_piston(control_plane: ControlPlane) -> AsyncIterator[Gateway]:
    """A gateway for all tests of a module, with a language that has a compiler."""
    settings = {"dialects": ("piston",), "rate_limit_per_minute": 10_000}
    async with namespaces(control_plane) as made:
        compiler = {"command": ["g++", "main.cpp"]}
        await made.apply_runtime(
            runtime("cpp", "main.cpp", "c++", version="14.2", compile=compiler)
        )
        async with started(control_plane, made, **settings) as gateway:
            yield gateway


@pytest_asyncio.fixture
async def piston(shared_piston: Gateway) -> AsyncIterator[Gateway]:
    """The gateway without executions of other tests."""
    yield shared_piston
    for execution in await shared_piston.cluster.executions():
        with contextlib.suppress(NotFoundError):
            await shared_piston.cluster.delete(execution["metadata"]["name"])
