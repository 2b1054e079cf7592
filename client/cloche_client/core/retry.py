"""Which requests are sent again, how often, and after which time."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cloche_client.core.wire import Pause
from cloche_client.errors import ConnectionFailedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloche_client.core.wire import Flow, Reply, Request

_FIRST_SECONDS = 0.2
_LONGEST_SECONDS = 5.0
_BUSY = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a request is sent, and how long a call waits in all between its requests.

    A 429 or 503 is repeated after its Retry-After. If less time is left, it is an error at once.
    """

    attempts: int = 5
    seconds: float = 120.0
    jitter: Callable[[], float] = field(default=random.random)
    """A number from 0 to 1, so that clients that failed together do not return together."""

    def back_off(self, attempt: int) -> float:
        """Return the seconds to wait after a broken connection, the first attempt being 1."""
        longest: float = min(_LONGEST_SECONDS, _FIRST_SECONDS * 2 ** (attempt - 1))
        return longest * (0.5 + self.jitter() / 2)


NEVER = Retry(attempts=1)
"""For what must be quick or cannot be repeated."""


def retry_after(reply: Reply) -> float | None:
    """Return the seconds of Retry-After, None if there is none that is a number."""
    text = reply.headers.get("retry-after", "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None  # noqa: PLR2004


def answered(request: Request, retry: Retry, *, busy: Callable[[Reply], bool]) -> Flow[Reply]:
    """Send a request until it is answered, and return the last answer.

    `busy` decides whether a 429 or 503 may be repeated.

    Raises:
        ConnectionFailedError: no attempt was answered, or it may not be repeated.
    """
    left = retry.seconds
    for attempt in range(1, retry.attempts + 1):
        is_last = attempt == retry.attempts
        try:
            reply = yield request
        except ConnectionFailedError as error:
            pause = retry.back_off(attempt)
            if is_last or pause > left or (error.sent and not request.repeatable):
                raise
        else:
            assert reply is not None
            if is_last or reply.status not in _BUSY or not busy(reply):
                return reply
            pause = retry_after(reply) or retry.back_off(attempt)
            if pause > left:
                return reply
        left -= pause
        yield Pause(pause)
    raise AssertionError("the last attempt returns or raises")
