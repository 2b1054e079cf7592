"""Count the bytes that executions write to etcd, from the events of their ends.

Each gateway sees the end of each execution, including those that other gateways or clients created.
So the gateways reach the same count without a shared store, except for executions that have not
ended yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloche_api.accounting.size import object_bytes
from cloche_api.accounting.write_limit import revisions
from cloche_api.resources import source

if TYPE_CHECKING:
    from cloche_api.accounting.write_limit import WriteLimit
    from cloche_gateway.cluster.watch import Sink


class CountedEnds:
    """A sink that counts each ended execution and passes all events on to another sink."""

    def __init__(self, writes: WriteLimit, sink: Sink) -> None:
        self._writes = writes
        self._sink = sink

    def replace(self, objects: list[dict[str, Any]]) -> None:
        """Pass the objects on. Executions that ended before the watch began are not counted."""
        self._sink.replace(objects)

    def changed(self, kind: str, obj: dict[str, Any]) -> None:
        """Count an execution once, at its end, and pass the event on.

        An execution that ends begins to match the watch's selector and so comes as ADDED.
        """
        if kind == "ADDED":
            count(self._writes, obj)
        self._sink.changed(kind, obj)

    def connected(self) -> None:
        """Pass the call on."""
        self._sink.connected()


def count(writes: WriteLimit, obj: dict[str, Any]) -> None:
    """Charge the bytes that an ended execution has written."""
    spec, status = obj["spec"], obj["status"]
    stored = status.get("storedBytes")
    if stored is None:  # another version of the operator wrote its end
        stored = object_bytes(spec) + object_bytes(status)
    caused = revisions(status["phase"], claimed="podUID" in status)
    name, tenant = obj["metadata"]["name"], spec.get("tenant") or ""
    writes.ended(
        tenant, name, stored, caused, lambda: object_bytes(spec), source=source.bytes_of(spec)
    )
