"""The stateful sessions that live, as their SandboxSessions say: one watch for all.

They are few (each has a Pod) and small, so that an execution in a session costs no read.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloche_api.session import SessionPhase
from cloche_gateway import names
from cloche_gateway.watch import Source

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Session:
    """What the gateway needs to know of a SandboxSession. Times are RFC 3339."""

    name: str
    uid: str
    tenant: str | None
    language: str
    phase: SessionPhase
    reason: str | None
    created_at: str
    expires_at: str | None
    last_used_at: str | None

    @property
    def live(self) -> bool:
        """Whether executions can run in it, now or as soon as its Pod is there."""
        return self.phase is not SessionPhase.ENDED


def source(namespace: str) -> Source:
    """All sessions that have not ended."""
    selector = f"status.phase!={SessionPhase.ENDED}"
    return Source(names.sessions(namespace), {"fieldSelector": selector})


def session_of(obj: dict[str, Any]) -> Session:
    """Read a SandboxSession. One that is being deleted has ended."""
    meta, spec, status = obj["metadata"], obj["spec"], obj.get("status") or {}
    phase = SessionPhase(status.get("phase") or SessionPhase.PENDING)
    return Session(
        name=meta["name"],
        uid=meta["uid"],
        tenant=spec.get("tenant"),
        language=spec["language"],
        phase=SessionPhase.ENDED if meta.get("deletionTimestamp") else phase,
        reason=status.get("reason"),
        created_at=meta["creationTimestamp"],
        expires_at=status.get("expiresAt"),
        last_used_at=status.get("lastUsedTime"),
    )


class Sessions:
    """The sessions that live now, and those who wait for one to become ready."""

    def __init__(self) -> None:
        self._live: dict[str, Session] = {}
        self._waiting: dict[str, asyncio.Event] = {}

    def __len__(self) -> int:
        return len(self._live)

    def find(self, name: str) -> Session | None:
        """The session, None when the watch has not told of it (yet, or any more)."""
        return self._live.get(name)

    @contextlib.contextmanager
    def news(self, name: str) -> Iterator[asyncio.Event]:
        """An event that is set when the one session may have become ready or ended.

        One at a time waits for a session: who asked for it.
        """
        event = self._waiting[name] = asyncio.Event()
        try:
            yield event
        finally:
            del self._waiting[name]

    def replace(self, objects: list[dict[str, Any]]) -> None:
        """Take all that live anew."""
        found = [session_of(obj) for obj in objects]
        self._live = {session.name: session for session in found if session.live}

    def changed(self, kind: str, obj: dict[str, Any]) -> None:
        """Take one change. One that ends leaves the selector: it comes as DELETED."""
        session = session_of(obj)
        if kind == "DELETED" or not session.live:
            self._live.pop(session.name, None)
        else:
            self._live[session.name] = session
        pending = session.name in self._live and session.phase is SessionPhase.PENDING
        if session.name in self._waiting and not pending:
            self._waiting[session.name].set()

    def connected(self) -> None:
        """Have all who wait look: a watch that broke may have missed something."""
        for event in self._waiting.values():
            event.set()
