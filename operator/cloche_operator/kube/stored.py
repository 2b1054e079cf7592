"""The calls for what is stored: ended executions, sources, tombstones and ended sessions.

Lists are read as the API server's tables, without the objects, which may be large.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from cloche_api import meta
from cloche_api.resources.phases import TERMINAL, UNFINISHED
from cloche_api.resources.session import SessionPhase
from cloche_kube.errors import AlreadyExistsError, NotFoundError
from cloche_kube.paths import Paths

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Any

    from cloche_kube.client import Rest


class StoredObjects:
    """Lists and deletions in one namespace."""

    def __init__(self, rest: Rest, namespace: str) -> None:
        self._rest = rest
        self._paths = Paths(namespace)

    async def delete_execution(self, name: str, uid: str) -> bool:
        """Delete a record if it still has this uid. A missing one is not an error.

        Returns whether it is gone. A finalizer may keep it.
        """
        return await self._delete(self._paths.execution(name), uid)

    async def unfinished(self) -> list[tuple[str, str, str]]:
        """Return name, uid and Pod name (or empty) of each execution that has not ended.

        The Pod is the one that was claimed, or else the one that the execution names.
        """
        params, columns = {"fieldSelector": UNFINISHED}, ("Pod", "WaitingPod", "Refused")
        return [
            (of["name"], of["uid"], claimed or ("" if refused else named) or "")
            async for of, (claimed, named, refused) in self._rest.rows(
                self._paths.executions, params, *columns
            )
        ]

    async def records(self) -> AsyncIterator[tuple[str, str, int | None, str, int | None]]:
        """Yield name, tenant (or empty), bytes, expiration time and TTL of each ended execution.

        Metadata is left out, because it makes the rows eight times as long.
        """
        columns = ("Name", "Phase", "Tenant", "Bytes", "Expires", "TTL")
        params = {"includeObject": "None"}
        async for _, (name, phase, tenant, size, expires, ttl) in self._rest.rows(
            self._paths.executions, params, *columns
        ):
            if phase in TERMINAL:
                yield name, tenant or "", size, expires or "", ttl

    async def record(self, name: str) -> tuple[str, str, str] | None:
        """Return uid, expiration time and request hash (or empty) of an ended execution."""
        rows = self._rest.rows(self._paths.execution(name), {}, "Phase", "Expires")
        try:
            async for of, (phase, expires) in rows:
                if phase in TERMINAL:
                    key = of.get("annotations", {}).get(meta.ANNOTATION_REQUEST_SHA256, "")
                    return of["uid"], expires or "", key
        except NotFoundError:
            pass
        return None

    async def sources(self) -> AsyncIterator[tuple[str, str, str]]:
        """Yield name, execution and creation time of each SandboxSource."""
        params = {"includeObject": "None"}
        async for _, (name, execution, created) in self._rest.rows(
            self._paths.sources, params, "Name", "Execution", "Created"
        ):
            yield name, execution, created

    async def delete_source(self, name: str) -> None:
        """Delete a source. A missing one is not an error, and its name is never used again."""
        with contextlib.suppress(NotFoundError):
            await self._rest.delete(self._paths.source(name))

    async def create_tombstone(self, manifest: dict[str, Any]) -> None:
        """Create a SandboxTombstone. If one with this name exists, it stays as it is."""
        with contextlib.suppress(AlreadyExistsError):
            await self._rest.create(self._paths.tombstones, manifest)

    async def tombstones(self) -> AsyncIterator[tuple[str, str, str]]:
        """Yield name, tenant (or empty) and expiration time of each tombstone."""
        params = {"includeObject": "None"}
        async for _, (name, tenant, expires) in self._rest.rows(
            self._paths.tombstones, params, "Name", "Tenant", "Expires"
        ):
            yield name, tenant or "", expires

    async def tombstone(self, name: str) -> tuple[str, str] | None:
        """Return uid and expiration time of the tombstone with this name, or None.

        A tombstone records a removed execution whose Idempotency-Key is still valid.
        """
        rows = self._rest.rows(self._paths.tombstone(name), {}, "Expires")
        with contextlib.suppress(NotFoundError):
            async for of, (expires,) in rows:
                return of["uid"], expires
        return None

    async def delete_tombstone(self, name: str, uid: str) -> None:
        """Delete a tombstone. It is not an error if it is gone or its name has another uid."""
        await self._delete(self._paths.tombstone(name), uid)

    async def ended_sessions(self) -> list[tuple[str, str, str]]:
        """Return name, uid and end (or creation, if it never began) of each ended session."""
        params = {"fieldSelector": f"status.phase={SessionPhase.ENDED}"}
        return [
            (of["name"], of["uid"], expires or of["creationTimestamp"])
            async for of, (expires,) in self._rest.rows(self._paths.sessions, params, "Expires")
        ]

    async def delete_session(self, name: str, uid: str) -> None:
        """Delete a session if it still has this uid. A missing one is not an error."""
        await self._delete(self._paths.session(name), uid)

    async def _delete(self, path: str, uid: str) -> bool:
        """Delete an object if it still has this uid. Return whether it is gone at once."""
        try:
            return await self._rest.delete(path, uid=uid)
        except NotFoundError:
            return True
