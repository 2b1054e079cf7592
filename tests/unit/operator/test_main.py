"""The operator's log messages about errors that no task caught."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import aiohttp
import pytest

from cloche_operator.__main__ import _log_uncaught

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


def test_the_failure_of_an_abandoned_request_is_logged_on_one_line(
    loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture
) -> None:
    error = aiohttp.ClientConnectionError("Connector is closed")
    with caplog.at_level(logging.INFO):
        _log_uncaught(loop, {"message": "Task exception was never retrieved", "exception": error})
    (record,) = caplog.records
    assert (record.levelname, record.exc_info) == ("INFO", None)
    assert "Connector is closed" in record.getMessage()


def test_another_uncaught_error_is_logged_with_its_traceback(
    loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture
) -> None:
    _log_uncaught(
        loop, {"message": "Task exception was never retrieved", "exception": KeyError("x")}
    )
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.exc_info
