"""The turns of one session: which execution runs, and which ones wait for their turn."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Protocol

from cloche_api.resources.phases import Reason
from cloche_operator.model.status import EndedError
from cloche_operator.pools.pod_lease import PodLease
from cloche_operator.protocol.frame import Afterwards
from cloche_operator.queue.waitlist import came

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cloche_api.resources.amounts import UsedResources
    from cloche_operator.model.execution import Execution
    from cloche_operator.model.pod import Pod
    from cloche_operator.pods.sandbox import Sandbox
    from cloche_operator.queue.waitlist import Waitlist


class Turns:
    """A queue of at most `most`. Its executions also count in the queue of the operator.

    There is no turn before the first `pass_on`.
    """

    def __init__(self, waitlist: Waitlist, most: int) -> None:
        self._waitlist = waitlist
        self._most = most
        self._line: deque[asyncio.Future[None]] = deque()
        self.taken = True
        """Whether an execution has the turn."""

    async def take(
        self, execution: Execution, on_wait: Callable[[], None], why: Callable[[], str]
    ) -> None:
        """Wait until all earlier executions are done. `pass_on` must follow.

        Args:
            execution: the execution that asks for the turn.
            on_wait: called before the first wait, if there is one.
            why: returns what the execution waited for, for the message of a timeout.

        Raises:
            EndedError: QueueFull, QueueTimeout, or the error passed to `dismiss`.
        """
        if not self.taken:
            self.taken = True
            return
        if len(self._line) >= self._most:
            words = f"The session's queue is full: {self._most} executions wait for their turn."
            raise EndedError(Reason.QUEUE_FULL, words)
        on_wait()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            await self._waitlist.wait(execution.tenant, execution.size, turn, why)
        except BaseException:
            if came(turn):
                self.pass_on()  # it came while the execution gave up
            raise
        finally:
            if turn in self._line:
                self._line.remove(turn)

    def pass_on(self) -> None:
        """Give the turn to the next in the queue, or leave it free."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.taken = False

    def dismiss(self, error: EndedError) -> None:
        """End the wait of all in the queue with this error."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_exception(error)
                turn.exception()  # marks it as retrieved: its task may be cancelled


class Giver(Protocol):
    """The session that gives a turn."""

    async def give_back(self, *, whole: bool) -> None:
        """End the turn. `whole`: nothing of the program is left in the Pod."""

    def ended_error(self) -> EndedError:
        """Return the error for an execution whose session has ended."""


class Turn(PodLease):
    """The turn of an execution in a session: it holds the session's Pod until `release`."""

    warm = True
    afterwards = Afterwards.KEEP_FILES

    def __init__(
        self, session: Giver, sandbox: Sandbox, used: UsedResources, *, runs_cells: bool = False
    ) -> None:
        self._session: Giver | None = session
        self._ended_error = session.ended_error
        self.sandbox = sandbox
        """The session's Pod."""
        self.pod = sandbox.pod
        self.used = used
        """The limits of the Pod."""
        self.runs_cells = runs_cells
        """Whether the session keeps its interpreter."""

    async def start(self, claim: Callable[[Pod], Awaitable[None]]) -> Sandbox:
        """Claim the session's Pod, which is attached already."""
        await claim(self.sandbox.pod)
        return self.sandbox

    def lost(self) -> EndedError | None:
        """Return that the session has ended, if its Pod was lost."""
        return self._ended_error() if self.sandbox.spent else None

    async def release(self, *, exited: bool, sent: bool) -> None:
        """End the turn, once. The Pod stays the session's."""
        session, self._session = self._session, None
        if session is not None:
            await session.give_back(whole=exited or not sent)
