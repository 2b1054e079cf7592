"""Gateways that serve dialects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio
from support.fixtures.gateway import Gateway, Start, runtime

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest_asyncio.fixture
async def piston(start: Start) -> AsyncIterator[Gateway]:
    """A gateway that serves Piston, with a language that has a compiler."""
    async with start(dialects=("piston",), rate_limit_per_minute=10_000) as gateway:
        compiler = {"command": ["g++", "main.cpp"]}
        await gateway.cluster.apply_runtime(
            runtime("cpp", "main.cpp", "c++", version="14.2", compile=compiler)
        )
        languages = gateway.context.languages
        await gateway.until(lambda: "cpp" in languages.supported(), "the language")
        yield gateway
