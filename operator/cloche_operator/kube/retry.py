"""Retries of calls that must succeed, until the API server is available."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, TypeVar

from cloche_kube.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_T = TypeVar("_T")
_FIRST_SECONDS, _LAST_SECONDS = 0.1, 5.0

log = logging.getLogger(__name__)


async def persist(call: Callable[[], Awaitable[_T]]) -> _T:
    """Repeat a call until the API server answers. It must be harmless if it takes effect twice."""
    pause = _FIRST_SECONDS
    while True:
        try:
            return await call()
        except UnavailableError as error:
            log.warning("the API server does not answer, again in %.1f s: %s", pause, error)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LAST_SECONDS)
