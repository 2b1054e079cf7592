"""Limits in bytes: memory held for clients, discarded bodies, and writes to etcd.

- The memory budget covers request bodies and the objects parsed from them, unsent responses, and
  the output of executions whose events are streamed.
- The rest of a body whose request was rejected is read and discarded, so that a client that first
  sends everything sees the response. Without a limit, a client could load the gateway with large
  requests that are meant to be rejected.
- The bytes that executions write to etcd are counted from the events of their ends. Each gateway
  sees the end of each execution, including those that other gateways or clients created. So the
  gateways reach the same count without a shared store, except for executions that have not ended
  yet.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from cloche_api.accounting.budget import ByteBudget
from cloche_api.accounting.size import object_bytes
from cloche_api.accounting.write_limit import revisions
from cloche_api.limits import MIB
from cloche_api.resources import source
from cloche_gateway.errors import OverloadedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloche_api.accounting.write_limit import WriteLimit
    from cloche_api.resources.typed_dicts import ExecutionStatusDict
    from cloche_api.resources.typed_objects import ExecutionSpecDict
    from cloche_kube.watch import Sink

_OWN_BYTES = 192 * MIB
"""Memory of the process itself: 95 MiB after the start, 45 MiB for 2000 idle connections, and the
rest for cached responses of the API server."""
_CHARGED_SHARE = 0.6
"""The budget's share of the remaining memory. A charge counts only the bytes of the data. The rest
is for the objects that hold them, copies on their way to a socket, and memory that the allocator
has not returned yet."""
_DISCARDED_PER_SECOND = 2 * MIB
"""The long-term rate for each tenant, and for all clients without a key together."""
_DISCARDED_AT_ONCE = 64 * MIB
"""The burst: sixteen of the largest bodies, so that several mistakes at a time get responses."""
_DISCARD_PAUSE_SECONDS = 5.0
"""The longest time for which no more is read. Bytes that other connections send meanwhile do not
extend it."""


def size_for(limit_bytes: int) -> int:
    """Return the budget in bytes for a process with this memory limit in bytes.

    For the chart's 512 MiB it is 192 MiB.
    """
    return int((limit_bytes - _OWN_BYTES) * _CHARGED_SHARE)


class Budget(ByteBudget):
    """A ByteBudget that raises OverloadedError when it has no room."""

    def refusal(self, used: int, most: int, *, of_tenant: bool) -> OverloadedError:
        """Return the error for the client, as `ByteBudget.refusal`. `used` and `most` are bytes."""
        if of_tenant:
            return OverloadedError(
                f"this tenant has {used // MIB} MiB of requests and responses in memory, and the "
                f"limit is {most // MIB} MiB. Wait for some of them, or read responses faster"
            )
        return OverloadedError(
            f"the gateway has {used // MIB} MiB of requests and responses in memory, and the "
            f"limit is {most // MIB} MiB. Please try again later"
        )


class Discards:
    """The discarded bytes of each tenant."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due: dict[str | None, float] = {}
        """The time at which each tenant's bytes are paid off at the long-term rate."""

    def reads_on(self, tenant: str | None, size: int) -> bool:
        """Count discarded bytes of a tenant and return whether more may be read now.

        `tenant` is None for a client without a key.
        """
        now = self._clock()
        before = max(self._due.get(tenant, 0.0), now - _DISCARDED_AT_ONCE / _DISCARDED_PER_SECOND)
        due = min(before + size / _DISCARDED_PER_SECOND, now + _DISCARD_PAUSE_SECONDS)
        self._due[tenant] = due
        return due <= now


class CountedEnds:
    """A sink that counts each ended execution and passes all events on to another sink.

    `ended` is called once with each ended execution.
    """

    def __init__(
        self, writes: WriteLimit, sink: Sink, ended: Callable[[dict[str, Any]], None]
    ) -> None:
        self._writes = writes
        self._sink = sink
        self._ended = ended

    def replace(self, objects: list[dict[str, Any]]) -> None:
        """Pass the objects on. Executions that ended before the watch began are not counted."""
        self._sink.replace(objects)

    def changed(self, kind: str, obj: dict[str, Any]) -> None:
        """Count an execution once, at its end, and pass the event on.

        An execution that ends begins to match the watch's selector and so comes as ADDED.
        """
        if kind == "ADDED":
            count(self._writes, obj)
            self._ended(obj)
        self._sink.changed(kind, obj)

    def connected(self) -> None:
        """Pass the call on."""
        self._sink.connected()


def count(writes: WriteLimit, obj: dict[str, Any]) -> None:
    """Charge the bytes that an ended execution has written."""
    spec: ExecutionSpecDict = obj["spec"]
    status: ExecutionStatusDict = obj["status"]
    stored: int | None = status.get("storedBytes")
    if stored is None:  # another version of the operator wrote its end
        stored = object_bytes(spec) + object_bytes(status)
    caused = revisions(status["phase"], claimed="podUID" in status)
    name: str = obj["metadata"]["name"]
    tenant: str = spec.get("tenant") or ""
    writes.ended(
        tenant, name, stored, caused, lambda: object_bytes(spec), source=source.bytes_of(spec)
    )
