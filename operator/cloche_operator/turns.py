"""The executions of one session, one after the other: who has the turn, and who waits for it."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from cloche_api.phases import Reason
from cloche_operator.outcome import EndedError
from cloche_operator.waitlist import came

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloche_operator.execution import Execution
    from cloche_operator.waitlist import Waitlist


class Turns:
    """A line of at most `most`. Who waits counts in the queue, as those do who wait for capacity.

    Nobody gets a turn before the first `pass_on`.
    """

    def __init__(self, waitlist: Waitlist, most: int) -> None:
        self._waitlist = waitlist
        self._most = most
        self._line: deque[asyncio.Future[None]] = deque()
        self.taken = True
        """Whether somebody has the turn."""

    async def take(
        self, execution: Execution, on_wait: Callable[[], None], why: Callable[[], str]
    ) -> None:
        """Return when all who came before are done; `pass_on` must follow.

        Args:
            execution: who asks.
            on_wait: called before the first wait, if there is one.
            why: says what it waited for, when it waited too long.

        Raises:
            EndedError: QueueFull, QueueTimeout, or what `dismiss` was called with.
        """
        if not self.taken:
            self.taken = True
            return
        if len(self._line) >= self._most:
            words = f"{self._most} executions wait already for their turn in the session."
            raise EndedError(Reason.QUEUE_FULL, words)
        on_wait()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            await self._waitlist.wait(execution.tenant, execution.size, turn, why)
        except BaseException:
            if came(turn):
                self.pass_on()  # it came as its execution left
            raise
        finally:
            if turn in self._line:
                self._line.remove(turn)

    def pass_on(self) -> None:
        """The turn is free: for the next in line, or for whoever comes."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.taken = False

    def dismiss(self, error: EndedError) -> None:
        """End the waiting of all who are in line."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_exception(error)
                turn.exception()  # its task may have been cancelled: nobody may look at it
