"""One reading of a Pod's log, from its first byte: what was heard, and how the reading ended."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from enum import Enum, auto
from typing import TYPE_CHECKING

from cloche_api.rest import ApiError, UnavailableError
from cloche_operator.events import EventReader
from cloche_operator.transcript import Transcript

if TYPE_CHECKING:
    from cloche_operator.kube import Kube


class Heard(Enum):
    """How a reading ended."""

    ENDED = auto()  # the supervisor's last word
    OVER = auto()  # the end of the log
    SILENT = auto()  # nothing, for the time in which the program should have started
    REFUSED = auto()  # the API server says that there is no log to read
    BROKEN = auto()  # nothing that could be relied on


class Reading:
    """One reading. Its end proves nothing: see `result.LogReader`."""

    def __init__(self, execution: str) -> None:
        self.transcript = Transcript(execution, whole=True)
        self.heard = Heard.BROKEN
        self.bytes = 0
        """Bytes that were read."""
        self._events = EventReader()

    @property
    def garbage(self) -> int:
        """Lines and events that do not keep to the protocol."""
        return self.transcript.garbage + self._events.garbage

    async def read(
        self, kube: Kube, pod: str, *, follow: bool, start_within: float | None = None
    ) -> None:
        """Read the log of the Pod of that name, until it ends or, without `follow`, until now.

        `start_within`: seconds, from when the stream stands, in which the program must start.
        """
        try:
            async with asyncio.timeout(None) as limit:
                async with aclosing(kube.log(pod, follow=follow)) as chunks:
                    await anext(chunks)
                    if start_within is not None:
                        limit.reschedule(asyncio.get_running_loop().time() + start_within)
                    async for chunk in chunks:
                        if self._take(chunk):
                            limit.reschedule(None)
                        if self.transcript.ended:
                            self.heard = Heard.ENDED
                            return
                    self.heard = Heard.OVER
        except TimeoutError:
            if not limit.expired():
                raise
            self.heard = Heard.SILENT
        except ApiError:
            self.heard = Heard.REFUSED
        except UnavailableError:
            self.heard = Heard.BROKEN

    def _take(self, chunk: bytes) -> bool:
        """Take in more of it; whether the program has started."""
        self.bytes += len(chunk)
        self.transcript.take_all(self._events.feed(chunk))
        return self.transcript.has_started
