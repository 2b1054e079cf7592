"""The kubelet's Events `Started`: the container of a Pod that is awaited runs now.

A Pod's status shows that some hundreds of milliseconds later, and with most kubelets up to a second
later. Events are best effort: the kubelet may post them late or aggregated, and a cluster may drop
or refuse them. They are a hint when to attach, and nothing else depends on them. A client that may
create Events in the namespace can send such a hint, so `pods.start` limits the attempts.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cloche_kube.watch import Follower

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloche_kube.client import Rest
    from cloche_kube.watch import Source
    from cloche_operator.model.pod import Pod
    from cloche_operator.state.cache import Pods


class Hint:
    """Whether an Event of one Pod has arrived. The code that acts on it resets it."""

    def __init__(self, pod: str) -> None:
        self.pod = pod
        """The name of the Pod."""
        self.arrived = False


class ContainerStarts:
    """Wakes the start of a Pod (`Pods.changed`) when the kubelet has started its container.

    It keeps nothing about other Pods.
    """

    def __init__(self, rest: Rest, source: Source, pods: Pods) -> None:
        self._pods = pods
        self._awaited: dict[str, Hint] = {}
        self._follower = Follower(rest, source, self)

    @property
    def followed(self) -> bool:
        """Whether a watch is open, so that an Event would arrive."""
        return self._follower.established

    async def follow_for_ever(self) -> None:
        """Follow the Events until cancelled. Failures of the API server are retried."""
        await self._follower.run()

    @contextmanager
    def awaited(self, pod: Pod) -> Iterator[Hint]:
        """Await the Event of this Pod (by its uid) within the block."""
        hint = self._awaited[pod.uid] = Hint(pod.name)
        try:
            yield hint
        finally:
            del self._awaited[pod.uid]

    def replace(self, objects: list[dict[str, Any]]) -> None:
        """Ignore the Events of before: only the version of their list is needed."""

    def connected(self) -> None:
        """Do nothing: what was missed meanwhile is found by the slow attempts."""

    def changed(self, kind: str, obj: dict[str, Any]) -> None:
        """Pass on one Event. One that is modified counts another start of an aggregated series."""
        hint = self._awaited.get((obj.get("regarding") or {}).get("uid", ""))
        if hint is None or kind == "DELETED":
            return
        hint.arrived = True
        self._pods.wake(hint.pod)
