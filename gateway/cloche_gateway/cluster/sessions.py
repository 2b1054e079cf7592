"""The live stateful sessions: a view of the SandboxSessions, kept by one watch.

With it, an execution in a session needs no read of the session. The view is small, because each
session has a Pod and so there are few.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from cloche_api.resources.session import IDLE_TIMEOUT, LIFETIME_EXCEEDED, SessionPhase, Stateful
from cloche_gateway.errors import BusyError
from cloche_kube.watch import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloche_api.resources.metadata import ObjectMeta
    from cloche_api.resources.typed_dicts import SessionStatusDict, WaitingPodDict
    from cloche_api.resources.typed_objects import SessionSpecDict
    from cloche_kube.paths import Paths


@dataclass(frozen=True, slots=True)
class Session:
    """The fields of a SandboxSession that the gateway needs. Times are RFC 3339."""

    name: str
    uid: str
    tenant: str | None
    language: str
    keeps_interpreter: bool
    """Whether its executions are cells."""
    phase: SessionPhase
    reason: str | None
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    generation: int
    """The number of the spec, which a change increases."""
    observed_generation: int
    """That of the spec that the operator has last taken over."""
    pod: WaitingPodDict | None
    """Its Pod, once it is ready."""

    @property
    def live(self) -> bool:
        """Return whether executions can run in the session, now or once its Pod is ready."""
        return self.phase is not SessionPhase.ENDED

    @property
    def expired(self) -> bool:
        """Return whether it has ended because its time was over, after it had been ready."""
        return not self.live and self.reason in {IDLE_TIMEOUT, LIFETIME_EXCEEDED}


def source(paths: Paths) -> Source:
    """Return the watch source of all sessions that have not ended."""
    selector = f"status.phase!={SessionPhase.ENDED}"
    return Source(paths.sessions, {"fieldSelector": selector})


def session_of(obj: dict[str, Any]) -> Session:
    """Parse a SandboxSession. One that is being deleted counts as ended."""
    meta: ObjectMeta = obj["metadata"]
    spec: SessionSpecDict = obj["spec"]
    status = cast("SessionStatusDict", obj.get("status") or {})
    phase: str = status.get("phase") or SessionPhase.PENDING
    return Session(
        name=meta["name"],
        uid=meta["uid"],
        tenant=spec.get("tenant"),
        language=spec["language"],
        keeps_interpreter=spec.get("stateful") == Stateful.INTERPRETER,
        phase=SessionPhase.ENDED if meta.get("deletionTimestamp") else SessionPhase(phase),
        reason=status.get("reason"),
        created_at=meta["creationTimestamp"],
        expires_at=status.get("expiresAt"),
        last_used_at=status.get("lastUsedTime"),
        generation=meta.get("generation", 0),
        observed_generation=status.get("observedGeneration", 0),
        pod=_pod_of(status) if phase == SessionPhase.READY else None,
    )


def _pod_of(status: SessionStatusDict) -> WaitingPodDict | None:
    name, uid = status.get("podName"), status.get("podUID")
    return None if name is None or uid is None else {"name": name, "uid": uid}


class Sessions:
    """The live sessions, and the requests that wait for one to become ready."""

    def __init__(self) -> None:
        self._live: dict[str, Session] = {}
        self._waiting: dict[str, list[asyncio.Event]] = {}
        self._known = False

    def __len__(self) -> int:
        return len(self._live)

    def find(self, name: str) -> Session | None:
        """Return the session, or None if the watch has not reported it or it has ended."""
        return self._live.get(name)

    def of(self, tenant: str) -> list[Session]:
        """Return the sessions of a tenant.

        Raises:
            BusyError: the sessions have not been read yet.
        """
        if not self._known:
            raise BusyError
        return [session for session in self._live.values() if session.tenant == tenant]

    @contextlib.contextmanager
    def news(self, name: str) -> Iterator[asyncio.Event]:
        """Yield an event that is set when the session may have changed or ended."""
        event = asyncio.Event()
        self._waiting.setdefault(name, []).append(event)
        try:
            yield event
        finally:
            self._waiting[name].remove(event)
            if not self._waiting[name]:
                del self._waiting[name]

    def replace(self, objects: list[dict[str, Any]]) -> None:
        """Replace all sessions with these."""
        found = [session_of(obj) for obj in objects]
        self._live = {session.name: session for session in found if session.live}
        self._known = True

    def changed(self, kind: str, obj: dict[str, Any]) -> None:
        """Apply one watch event. A session that ends leaves the selector and comes as DELETED."""
        session = session_of(obj)
        if kind == "DELETED" or not session.live:
            self._live.pop(session.name, None)
        else:
            self._live[session.name] = session
        for event in self._waiting.get(session.name, ()):
            event.set()

    def connected(self) -> None:
        """Set all events, because changes may have been missed while the watch was down."""
        for events in self._waiting.values():
            for event in events:
                event.set()
