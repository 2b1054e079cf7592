"""Ctrl-C and SIGTERM, inside the event loop of a benchmark and outside it."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import interrupts
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBERS = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """Leave the handlers as they were."""
    before = {number: signal.getsignal(number) for number in NUMBERS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_cancels_the_work_which_then_cleans_up(number: signal.Signals) -> None:
    cleaned = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    with pytest.raises(KeyboardInterrupt):
        interrupts.run(work())
    assert cleaned == [True]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_between_two_runs_raises_keyboard_interrupt(number: signal.Signals) -> None:
    async def work() -> int:
        return 3

    assert interrupts.run(work()) == 3
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)


def test_an_ignored_sigint_interrupts_once_armed() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupts.arm()
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
