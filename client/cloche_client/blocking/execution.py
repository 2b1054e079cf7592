"""An execution that goes on without the client."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_client.core import answers, flows
from cloche_client.core.feed import SILENCE_SECONDS, Feed
from cloche_client.errors import ClocheError, ConnectionFailedError
from cloche_client.events import Exit

if TYPE_CHECKING:
    from collections.abc import Generator

    from cloche_client.blocking.driver import Driver
    from cloche_client.events import Event
    from cloche_client.models import ExecutionState, Program, Result


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution. All methods raise ClocheError, NotFoundError if there is none with this id."""

    _driver: Driver
    id: str

    def state(self) -> ExecutionState:
        """Return its state now."""
        return self._driver.drive(flows.state(self.id, self._driver.retry))

    def wait(self, timeout: float | None = None) -> Result:
        """Return the result once it has ended. Raises as `Client.run`.

        Raises:
            WaitTimeoutError: it has not ended after `timeout` seconds.
        """
        flow = flows.waited(self.id, self._driver.retry, timeout)
        return answers.outcome(self._driver.drive(flow))

    def events(self, *, silence: float | None = None) -> Generator[Event, None, None]:
        """Yield its events from the first one on. The last one is Exit.

        Args:
            silence: end without an exception after so many seconds without an event.
        """
        feed = Feed(self.id, self._driver.retry, silence or SILENCE_SECONDS)
        while not feed.done:
            if feed.pause:
                time.sleep(feed.pause)
            try:
                with self._driver.transport.open(feed.request()) as opened:
                    if opened.status != 200:  # noqa: PLR2004
                        feed.refused(opened.reply())
                        continue
                    for chunk in opened.chunks():
                        yield from feed.take(chunk)
                        if feed.done:
                            return
                    feed.closed()
            except ConnectionFailedError as error:
                if silence is not None and error.sent:
                    return
                feed.lost(error)

    def cancel(self) -> ExecutionState:
        """Cancel it, and return its state, which may still be `running`."""
        return self._driver.drive(flows.cancel(self.id, self._driver.retry))

    def remove(self) -> None:
        """Remove its record. Raises ConflictError if it has not ended."""
        self._driver.drive(flows.remove(self.id, self._driver.retry))


def submit(driver: Driver, program: Program) -> Execution:
    """Start a program, and return its execution. Raises ClocheError."""
    state = driver.submit(program)
    return Execution(driver, state.execution_id)


def stream(driver: Driver, program: Program) -> Generator[Event, None, None]:
    """Run a program and yield its events. It is cancelled if the caller stops before the end."""
    execution = submit(driver, program)
    ended = False
    try:
        for event in execution.events():
            ended = isinstance(event, Exit)
            yield event
    finally:
        if not ended:
            with contextlib.suppress(ClocheError):
                execution.cancel()
