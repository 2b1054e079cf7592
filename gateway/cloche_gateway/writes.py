"""The bytes that executions write to the cluster's storage, counted from the events of their ends.

Each gateway sees the end of every execution, by which gateway or client it was created: so all of
them count the same, without a store that they share, but for what has not ended yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloche_api import source
from cloche_api.size import object_bytes
from cloche_api.write_limit import revisions

if TYPE_CHECKING:
    from cloche_api.write_limit import WriteLimit
    from cloche_gateway.watch import Sink


class CountedEnds:
    """A sink that counts each execution that has ended, and passes every event on."""

    def __init__(self, writes: WriteLimit, sink: Sink) -> None:
        self._writes = writes
        self._sink = sink

    def replace(self, objects: list[dict[str, Any]]) -> None:
        """Pass them on: what ended before the watch stood is not counted."""
        self._sink.replace(objects)

    def changed(self, kind: str, obj: dict[str, Any]) -> None:
        """Count an execution when it begins to match the watch's selector: once, at its end."""
        if kind == "ADDED":
            count(self._writes, obj)
        self._sink.changed(kind, obj)

    def connected(self) -> None:
        """Pass it on."""
        self._sink.connected()


def count(writes: WriteLimit, obj: dict[str, Any]) -> None:
    """Charge what an execution that has ended has caused."""
    spec, status = obj["spec"], obj["status"]
    stored = status.get("storedBytes")
    if stored is None:  # another version of the operator wrote its end
        stored = object_bytes(spec) + object_bytes(status)
    caused = revisions(status["phase"], claimed="podUID" in status)
    name, tenant = obj["metadata"]["name"], spec.get("tenant") or ""
    writes.ended(
        tenant, name, stored, caused, lambda: object_bytes(spec), source=source.bytes_of(spec)
    )
