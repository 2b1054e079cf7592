"""A gateway with every dialect and some languages with a compiler."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio
from support.deadline import eventually
from support.fixtures.gateway import Gateway, namespaces, runtime, started

from cloche_gateway.settings import DialectName

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from support.fixtures.control_planes import ControlPlane

_PER_MINUTE = 10_000
"""The tests of a module send more requests per minute than the default rate limit allows."""


@pytest_asyncio.fixture(scope="module")
async def dialects(control_plane: ControlPlane) -> AsyncIterator[Gateway]:
    """A gateway for all tests of a module."""
    settings = {"dialects": tuple(DialectName), "rate_limit_per_minute": _PER_MINUTE}
    async with (
        namespaces(control_plane) as made,
        started(control_plane, made, **settings) as running,
    ):
        for name, file_name in (("c", "main.c"), ("cpp", "main.cpp"), ("java", "main.java")):
            compiler = {"command": ["compile", file_name]}
            await made.apply_runtime(runtime(name, file_name, compile=compiler, version="14.2"))
        await eventually(
            lambda: len(running.context.languages.supported()) == 6,
            "the languages",
        )
        yield running
