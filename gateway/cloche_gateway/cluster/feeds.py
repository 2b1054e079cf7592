"""The feeds of all executions whose events are streamed, with a fair share for each tenant."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloche_gateway.cluster import waiters
from cloche_gateway.cluster.feed import Feed, lean
from cloche_gateway.cluster.log_follower import Source
from cloche_gateway.errors import OverloadedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cloche_api.resources.typed_objects import ExecutionSpecDict
    from cloche_gateway.cluster.log_follower import Logs
    from cloche_gateway.limits.bytes import Budget

_FEEDS = 200
"""The most executions that are followed at a time. Each takes up to half a megabyte, and a
connection to the API server."""
_LISTENERS = 200
"""The most event streams of one tenant: a tenth of the connections."""


@dataclass(slots=True)
class _Followed:
    feed: Feed
    task: asyncio.Task[None] | None
    """The task that fills the feed; None if the execution had ended before."""


class Feeds:
    """The feeds by execution. All listeners of an execution share one, also after its end.

    When the most executions are followed, a tenant can get the place of the tenant that follows
    most: one feed of the latter is cut. The listeners of that feed can reconnect. They are refused
    (OverloadedError) for as long as there is no room.

    This happens only if the other tenant still follows at least as many executions afterwards.
    """

    def __init__(self, logs: Logs, budget: Budget) -> None:
        self._logs = logs
        self._budget = budget
        self._feeds: dict[str, _Followed] = {}
        self._listeners: Counter[str | None] = Counter()

    def __len__(self) -> int:
        return len(self._feeds)

    def check_room_for(self, obj: dict[str, Any]) -> None:
        """Check that an execution may have another listener, before the response starts.

        Raises:
            OverloadedError: its tenant has the most event streams, or there is no room for a feed.
        """
        tenant = _tenant(obj)
        if self._listeners[tenant] >= _LISTENERS:
            raise OverloadedError(
                f"this tenant has {_LISTENERS} open event streams, which is the limit. Close some, "
                "or get the status with ?wait="
            )
        known = waiters.is_terminal(obj) or obj["metadata"]["uid"] in self._feeds
        if not known:
            self._victim(tenant)

    @contextlib.asynccontextmanager
    async def feed(self, obj: dict[str, Any]) -> AsyncIterator[Feed]:
        """Yield the feed of an execution. Its log is followed while the feed has listeners.

        `obj` is the execution as it was read.

        Raises:
            OverloadedError: as `check_room_for`.
        """
        self.check_room_for(obj)
        uid, tenant = obj["metadata"]["uid"], _tenant(obj)
        followed = self._feeds.get(uid)
        if followed is None or followed.feed.is_cut:
            followed = self._feeds[uid] = self._begin(obj)
        del obj  # frees it, because a stream can last for minutes
        followed.feed.listeners += 1
        self._listeners[tenant] += 1
        try:
            yield followed.feed
        finally:
            followed.feed.listeners -= 1
            self._listeners[tenant] -= 1
            if not self._listeners[tenant]:
                del self._listeners[tenant]
            if not followed.feed.listeners:
                if self._feeds.get(uid) is followed:
                    del self._feeds[uid]
                await _end(followed)

    async def close(self) -> None:
        """Stop following all executions."""
        for followed in list(self._feeds.values()):
            await _end(followed)

    def _begin(self, obj: dict[str, Any]) -> _Followed:
        tenant = _tenant(obj)
        if waiters.is_terminal(obj):
            feed = Feed(self._budget, tenant)
            feed.ended_as(obj)
            return _Followed(feed, None)
        if (victim := self._victim(tenant)) is not None:
            victim.cut()
        feed = Feed(self._budget, tenant)
        return _Followed(feed, asyncio.create_task(Source(self._logs, lean(obj), feed).run()))

    def _victim(self, tenant: str | None) -> Feed | None:
        """Return the feed to cut to make room for one of this tenant, or None if there is room.

        Raises:
            OverloadedError: with it the tenant would follow as many as the one that follows most.
        """
        live = [f.feed for f in self._feeds.values() if f.task is not None and not f.feed.is_cut]
        if len(live) < _FEEDS:
            return None
        counts = Counter(feed.tenant for feed in live)
        ((most, count),) = counts.most_common(1)
        if count <= counts[tenant] + 1:
            raise OverloadedError(
                f"the gateway streams the events of {_FEEDS} executions, which is the limit, "
                f"{counts[tenant]} of them of this tenant. Please try again later"
            )
        return next(feed for feed in reversed(live) if feed.tenant == most)


def _tenant(obj: dict[str, Any]) -> str | None:
    spec: ExecutionSpecDict = obj["spec"]
    return spec.get("tenant")


async def _end(followed: _Followed) -> None:
    followed.feed.close()
    if followed.task is not None:
        followed.task.cancel()
        await asyncio.gather(followed.task, return_exceptions=True)
