"""One reading of a Pod's log from its first byte, and how that reading ended."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from enum import Enum, auto
from typing import TYPE_CHECKING

from cloche_kube.errors import ApiError, UnavailableError
from cloche_operator.protocol.events import EventReader, Transcript

if TYPE_CHECKING:
    from cloche_operator.kube.api import Kube


class Heard(Enum):
    """How a reading ended."""

    ENDED = auto()  # the supervisor reported the end
    OVER = auto()  # the log ended
    SILENT = auto()  # the program did not start within the time allowed
    REFUSED = auto()  # the API server reports that there is no log to read
    BROKEN = auto()  # the stream broke, so it proves nothing


class Reading:
    """One reading of a log. Its end proves nothing: see `pods.log_reader`."""

    def __init__(self, execution: str) -> None:
        self.transcript = Transcript(execution, whole=True)
        self.heard = Heard.BROKEN
        self.bytes = 0
        """Bytes read so far."""
        self._events = EventReader()

    @property
    def garbage(self) -> int:
        """Lines and events that violate the protocol."""
        return self.transcript.garbage + self._events.garbage

    async def read(
        self, kube: Kube, pod: str, *, follow: bool, start_within: float | None = None
    ) -> None:
        """Read the Pod's log until it ends or, without `follow`, up to now.

        `start_within`: seconds after the stream opens within which the program must start.
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
        """Process a chunk. Return whether the program has started."""
        self.bytes += len(chunk)
        self.transcript.take_all(self._events.feed(chunk))
        return self.transcript.has_started
