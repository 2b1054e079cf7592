"""The waiting Pods that an execution may name: those of the pools, and the Pod of its session.

An execution that names a Pod which really waits needs no claim, which is a write to the API server.
The status of a SandboxRuntime shows the Pods of its pool up to some seconds late, so the gateway
also counts what it has named itself, and what ended executions have used. A wrong choice costs
nothing: the operator claims another Pod.
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
import time
from typing import TYPE_CHECKING, cast

from cloche_api.meta import SESSION_PREFIX
from cloche_api.resources.runtime import Reuse
from cloche_gateway.results import status_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from cloche_api.resources.typed_dicts import RuntimeStatusDict, WaitingPodDict
    from cloche_api.resources.typed_objects import ExecutionSpecDict

_NAMED_SECONDS = 60.0
"""How long a Pod counts as used after it was named, if no end is seen. A program that runs for
longer makes at most one other execution need a claim."""


class WaitingPods:
    """The Pods that wait in the pools, as far as this gateway knows.

    Several gateways prefer different Pods, by a hash with a random number of each gateway.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seed = secrets.token_bytes(8)
        self._shown: dict[str, dict[str, WaitingPodDict]] = {}
        self._reused: dict[str, bool] = {}
        self._named: dict[str, float] = {}
        self._tenants: dict[str, str] = {}
        """The tenant of each Pod that has run a program, the last program's Pod last."""
        self._of_sessions: dict[str, float] = {}
        """When the Pods of sessions were named, in this order."""

    def show(self, runtime: dict[str, Any]) -> None:
        """Take over the Pods that the status of a SandboxRuntime shows."""
        name = runtime["metadata"]["name"]
        status = cast("RuntimeStatusDict", runtime.get("status") or {})
        pool = runtime["spec"].get("pool") or {}
        reused = pool.get("reuse") == Reuse.SAME_TENANT
        before = self._shown.get(name, {})
        pods = {one["uid"]: one for one in status.get("waitingPods") or []}
        for uid in before.keys() - pods.keys():
            self._forget(uid)
        self._shown[name] = dict(sorted(pods.items(), key=self._order))
        for uid in pods:
            self._reused[uid] = reused

    def hide(self, runtime: str) -> None:
        """Forget the Pods of a SandboxRuntime that was deleted."""
        for uid in self._shown.pop(runtime, {}):
            self._forget(uid)

    def choose(
        self, spec: ExecutionSpecDict, of_session: WaitingPodDict | None = None
    ) -> WaitingPodDict | None:
        """Return a Pod for an execution with this spec, which then counts as used.

        Return None if no Pod is known to wait for it, or if it cannot get its program without a
        claim: with other resources than the Pods have, or with a source.

        `of_session`: the Pod of the execution's session, if it has one that is ready.
        """
        if "resources" in spec or "source" in spec:
            return None
        if _in_session(spec):
            return None if of_session is None else self._unless_in_use(of_session)
        now, tenant = self._clock(), spec.get("tenant", "")
        shown = self._shown.get(spec["language"], {})
        own = (uid for uid, of in self._tenants.items() if of == tenant and uid in shown)
        # The Pod that ended its last program first is the most likely one to wait again.
        unused = (uid for uid in shown if uid not in self._tenants)
        for uid in itertools.chain(own, unused):
            if self._named.get(uid, -_NAMED_SECONDS) <= now - _NAMED_SECONDS:
                self._named[uid] = now
                return shown[uid]
        return None

    def _unless_in_use(self, pod: WaitingPodDict) -> WaitingPodDict | None:
        """Return the Pod of a session, unless it has a program of this gateway."""
        now = self._clock()
        while self._of_sessions:
            uid, at = next(iter(self._of_sessions.items()))
            if at > now - _NAMED_SECONDS:
                break
            del self._of_sessions[uid]
        if pod["uid"] in self._of_sessions:
            return None
        self._of_sessions[pod["uid"]] = now
        return pod

    def release(self, pod: WaitingPodDict) -> None:
        """Count a Pod as waiting again, because the execution was not created."""
        self._named.pop(pod["uid"], None)
        self._of_sessions.pop(pod["uid"], None)

    def ended(self, execution: dict[str, Any]) -> None:
        """Note which Pod an ended execution has used, and whether that waits again."""
        spec: ExecutionSpecDict = execution["spec"]
        used = status_of(execution).get("podUID")
        named = spec.get("waitingPod")
        if _in_session(spec):
            if named is not None:
                self._of_sessions.pop(named["uid"], None)
            return
        if named is not None and named["uid"] != used and not self._reused.get(named["uid"]):
            # It still waits, or the end of its program counts. A Pod that is reused counts as used
            # until the program in it ends: the operator gives an execution a Pod that is named.
            self._named.pop(named["uid"], None)
        if used is None or used not in self._reused:
            return
        if self._reused[used]:
            self._named.pop(used, None)
            self._tenants.pop(used, None)
            self._tenants[used] = spec.get("tenant", "")
        else:
            self._named[used] = float("inf")

    def _order(self, item: tuple[str, WaitingPodDict]) -> bytes:
        return hashlib.blake2b(item[0].encode(), key=self._seed, digest_size=8).digest()

    def _forget(self, uid: str) -> None:
        self._reused.pop(uid, None)
        self._named.pop(uid, None)
        self._tenants.pop(uid, None)


def _in_session(spec: ExecutionSpecDict) -> bool:
    return spec.get("session", "").startswith(SESSION_PREFIX)
