"""Leader election with a Lease, and a fence that closes before another operator can lead.

Times of other machines are never compared with ours. A Lease has expired when it was seen unchanged
for its whole duration on our monotonic clock while the API server answered. The last condition is
an addition to client-go's leader election: no operator can renew a Lease while the API server does
not answer. (https://pkg.go.dev/k8s.io/client-go/tools/leaderelection) Another addition: a Lease
that does not exist counts as held, because somebody may have deleted that of an operator that
leads. The chart creates one without a holder.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import TYPE_CHECKING, Any

from cloche_kube.errors import ConflictError, KubeError, NotFoundError, UnavailableError
from cloche_operator.model.execution import now, timestamp

if TYPE_CHECKING:
    from cloche_operator.kube.api import Kube
    from cloche_operator.settings import Settings

_RENEWALS = 5  # within the duration of a Lease
_MARGIN = 0.1  # part of the duration by which the fence closes early
_ABSENT = ("",)
"""The state of a Lease that does not exist."""

log = logging.getLogger(__name__)


class LeaseLostError(Exception):
    """Another operator leads, or can lead soon."""


class Lease:
    """This operator's view of the Lease."""

    def __init__(self, kube: Kube, settings: Settings) -> None:
        self._kube = kube
        self._name = settings.lease_name
        self._seconds = settings.lease_seconds
        self.identity = settings.identity or f"local-{uuid.uuid4().hex[:12]}"
        """The Pod's name in a cluster. A restarted container keeps it, because the kubelet starts
        it only after the previous one is dead."""
        self._clock = asyncio.get_running_loop().time
        self._open_until = 0.0
        self._lease: dict[str, Any] = {}
        self._opened = asyncio.Event()

    @property
    def holds(self) -> bool:
        """Whether the fence is open: no other operator can lead now."""
        return self._clock() < self._open_until

    async def held(self) -> None:
        """Wait until the fence is open."""
        while not self.holds:
            self._opened.clear()
            await self._opened.wait()

    async def acquire(self) -> None:
        """Wait until this operator leads."""
        seen: tuple[str, ...] = ()
        since = self._clock()
        while True:
            began = self._clock()
            try:
                lease = await self._found()
                spec = lease.get("spec", {})
                state = _state(lease)
                if state != seen:
                    seen, since = state, began
                free = state != _ABSENT and spec.get("holderIdentity") in (None, "", self.identity)
                if free or began - since >= float(spec.get("leaseDurationSeconds", self._seconds)):
                    await self._take(lease)
                    return
            except ConflictError:
                continue  # another operator took it, or its holder renewed it
            except UnavailableError as error:
                log.warning("the API server does not answer, no operator leads yet: %s", error)
                seen = ()
            await asyncio.sleep(self._seconds / _RENEWALS)

    async def keep(self) -> None:
        """Renew the Lease until cancelled.

        Raises:
            LeaseLostError: another operator holds it, or it was deleted.
        """
        while True:
            await asyncio.sleep(self._seconds / _RENEWALS)
            try:
                await self._renew()
            except UnavailableError as error:
                log.warning("the API server does not answer, the Lease is not renewed: %s", error)

    async def release(self) -> None:
        """Release the Lease, so that the next operator does not have to wait."""
        self._open_until = 0.0
        spec = {**self._lease.get("spec", {}), "holderIdentity": ""}
        try:
            await self._kube.replace_lease(self._name, {**self._lease, "spec": spec})
        except KubeError as error:
            log.info("the Lease is not released: %s", error)

    async def _renew(self) -> None:
        try:
            await self._take(self._lease)
        except (ConflictError, NotFoundError):
            # The other write was ours, whose answer was lost, or another operator's.
            lease = await self._found()
            holder = lease.get("spec", {}).get("holderIdentity")
            if holder != self.identity:
                self._open_until = 0.0
                why = f"held by {holder or 'no operator'}" if lease else "the Lease was deleted"
                raise LeaseLostError(why) from None
            self._lease = lease
            await self._renew()

    async def _found(self) -> dict[str, Any]:
        """Return the Lease, or an empty one if there is none."""
        try:
            return await self._kube.get_lease(self._name)
        except NotFoundError:
            return {}

    async def _take(self, lease: dict[str, Any]) -> None:
        """Write this operator as the holder, if the Lease has not changed since it was read."""
        began = self._clock()
        spec = lease.get("spec", {})
        ours = spec.get("holderIdentity") == self.identity
        transitions = spec.get("leaseTransitions", 0)
        wanted = {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": max(1, round(self._seconds)),
            "acquireTime": spec["acquireTime"] if ours else timestamp(now()),
            "renewTime": timestamp(now()),
            "leaseTransitions": transitions if ours else transitions + bool(spec),
        }
        if lease:
            body = {**lease, "spec": wanted}
            self._lease = await self._kube.replace_lease(self._name, body)
        else:
            self._lease = await self._kube.create_lease(self._name, wanted)
        self._open_until = began + self._seconds * (1 - _MARGIN)
        self._opened.set()


def _state(lease: dict[str, Any]) -> tuple[str, ...]:
    """Return what changes when an operator acquires, renews or releases the Lease."""
    if not lease:
        return _ABSENT
    holder = lease.get("spec", {}).get("holderIdentity")
    return (lease["metadata"]["resourceVersion"], str(holder))
