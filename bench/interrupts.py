"""Handle Ctrl-C and SIGTERM in the same way, with clean-up, inside and outside the event loop."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import uvloop

if TYPE_CHECKING:
    from collections.abc import Coroutine

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_T = TypeVar("_T")


def arm() -> None:
    """Raise KeyboardInterrupt on either signal, even in a background job, which ignores SIGINT."""
    for number in _SIGNALS:
        signal.signal(number, _interrupt)


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine. Either signal cancels it, so that it can clean up.

    Raises:
        KeyboardInterrupt: it was cancelled.
    """
    try:
        return uvloop.run(_cancellable(work))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        arm()  # the loop has restored the default handlers


async def _cancellable(work: Coroutine[Any, Any, _T]) -> _T:
    task = asyncio.current_task()
    assert task is not None
    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await work


def _interrupt(number: int, frame: object) -> NoReturn:
    del number, frame
    raise KeyboardInterrupt
