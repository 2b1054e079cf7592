"""Retries: the delays between them, and the repetition of a call until the API server answers."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, TypeVar

from cloche_kube.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

_T = TypeVar("_T")
_DELAY_MIN, _DELAY_MAX = 0.1, 5.0

_log = logging.getLogger(__name__)


def backoff(first: float, most: float) -> Iterator[float]:
    """Yield the delays between retries in seconds: each is twice the one before, up to `most`."""
    delay = first
    while True:
        yield delay
        delay = min(2 * delay, most)


async def retry_until_available(call: Callable[[], Awaitable[_T]]) -> _T:
    """Repeat a call until the API server answers. It must be harmless if it takes effect twice.

    Raises:
        ApiError: as `call`.
    """
    delays = None  # made at the first failure: most calls succeed
    while True:
        try:
            return await call()
        except UnavailableError as error:
            delays = delays or backoff(_DELAY_MIN, _DELAY_MAX)
            delay = next(delays)
            _log.warning("the API server does not answer, retrying in %.1f s: %s", delay, error)
        await asyncio.sleep(delay)
