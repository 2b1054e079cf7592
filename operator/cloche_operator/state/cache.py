"""In-memory caches of the sandbox Pods and the runtimes.

They can be lost at any time: a list at start fills them, and watch events keep them current.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast

import pydantic

from cloche_api.resources.phases import Reason
from cloche_api.resources.runtime import Pool, RuntimeSpec, UnknownEntryError, commands
from cloche_operator.model.diagnosis import lacks_node
from cloche_operator.model.pod_manifest import PodShape
from cloche_operator.model.status import EndedError
from cloche_operator.protocol.prestart_frame import prestart_frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloche_api.resources.amounts import UsedResources
    from cloche_api.resources.typed_objects import RuntimeDict, TolerationDict
    from cloche_operator.kube.api import Kube
    from cloche_operator.model.pod import Pod


_GONE_PODS = 500  # each some KiB; needed for about a second after the deletion


class Pods:
    """The existing sandbox Pods, and which of `users` (a range of UIDs) they run as."""

    def __init__(self, users: range) -> None:
        self._users = users
        self._pods: dict[str, Pod] = {}
        self._gone: OrderedDict[str, Pod] = OrderedDict()
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._promised: set[int] = set()
        self._without_node: dict[str, Pod] = {}
        self._overheads: dict[str, int] = {}

    def __iter__(self) -> Iterator[Pod]:
        """Iterate over all Pods, as last seen."""
        return iter(list(self._pods.values()))

    def get(self, name: str, uid: str) -> Pod | None:
        """Return the Pod as last seen, or None."""
        pod = self._pods.get(name)
        return pod if pod and pod.uid == uid else None

    def node_of(self, pod: Pod) -> str | None:
        """Return the Pod's node, as last seen. A Pod that was just created has none yet."""
        return (self.get(pod.name, pod.uid) or pod).node

    def named(self, name: str) -> Pod | None:
        """Return the Pod with this name and any uid, as last seen."""
        return self._pods.get(name)

    def seen(self, pod: Pod, *, deleted: bool = False) -> None:
        """Update the cache from a list or an event."""
        name = pod.name
        if pod.overhead is not None:
            self._overheads[pod.runtime] = pod.overhead
        if not deleted:
            if not self._is_of_before(pod):
                self._pods[name] = pod
        elif self.get(name, pod.uid):
            del self._pods[name]
            self._gone[pod.uid] = pod
            if len(self._gone) > _GONE_PODS:
                self._gone.popitem(last=False)
        if (latest := self._pods.get(name)) and lacks_node(latest):
            self._without_node[name] = latest
        else:
            self._without_node.pop(name, None)
        for event in self._waiting.get(name, ()):
            event.set()

    @property
    def without_node(self) -> list[Pod]:
        """The Pods that no node accepts now, according to the scheduler."""
        return list(self._without_node.values())

    def overhead_of(self, runtime: str) -> int:
        """Return the bytes that the RuntimeClass adds to the memory of a runtime's Pods."""
        return self._overheads.get(runtime, 0)

    def _is_of_before(self, pod: Pod) -> bool:
        """Return whether a newer Pod has its name: the watch may lag behind our own create.

        The resourceVersions of one resource type can be compared as numbers (KEP-5504).
        """
        known = self._pods.get(pod.name, pod)
        if known.uid == pod.uid:
            return False
        versions = (known.resource_version, pod.resource_version)
        return all(v.isdecimal() for v in versions) and int(versions[0]) > int(versions[1])

    def last(self, uid: str) -> Pod | None:
        """Return the last state of a Pod that was deleted recently, or None."""
        return self._gone.get(uid)

    async def changed(self, name: str, seconds: float) -> None:
        """Wait until a Pod with this name has changed, for at most `seconds`."""
        event = asyncio.Event()
        self._waiting[name].add(event)
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting[name].discard(event)
            if not self._waiting[name]:
                del self._waiting[name]

    def take_user(self) -> int:
        """Reserve the lowest UID that no Pod runs as. RLIMIT_NPROC counts by UID on a node.

        Raises:
            EndedError: all UIDs are in use.
        """
        taken = self._promised | {pod.user for pod in self._pods.values()}
        for user in self._users:
            if user not in taken:
                self._promised.add(user)
                return user
        raise EndedError(Reason.UNSCHEDULABLE, "All users that Pods may run as are in use.")

    def give_user_back(self, user: int) -> None:
        """End a UID's reservation: the cache has its Pod now, or the Pod was not created."""
        self._promised.discard(user)


@dataclass(frozen=True)
class Runtime:
    """A parsed SandboxRuntime."""

    name: str
    uid: str
    generation: int
    spec: RuntimeSpec

    def shape(self, used: UsedResources) -> PodShape:
        """Return the shape of its Pods with these limits; pool, aliases and version are ignored."""
        spec = self.spec.model_copy(update={"pool": Pool(), "aliases": None, "version": None})
        return PodShape(self.name, self.uid, spec, used)

    @cached_property
    def prestart_frame(self) -> bytes | None:
        """What is sent to the waiting Pods of its pool, or None."""
        return prestart_frame(self.spec, self.spec.resources.defaults)

    @cached_property
    def default_shape(self) -> PodShape:
        """The shape of the Pods in its pool, which have the default limits."""
        return self.shape(self.spec.resources.defaults)

    @property
    def tolerations(self) -> list[TolerationDict]:
        """The runtime's tolerations as Kubernetes fields."""
        own = self.spec.tolerations or []
        return [
            cast("TolerationDict", one.model_dump(by_alias=True, exclude_none=True)) for one in own
        ]

    @cached_property
    def place(self) -> str:
        """A key for the nodes of its Pods: equal for the same selector and tolerations."""
        if not (self.spec.node_selector or self.spec.tolerations):
            return ""
        return json.dumps([self.spec.node_selector, self.tolerations], sort_keys=True)

    def competes_with(self, other: Runtime) -> bool:
        """Return whether the Pods of both runtimes need the same nodes."""
        mine, others = self.spec, other.spec
        return (mine.node_selector, mine.tolerations, mine.runtime_class_name) == (
            others.node_selector,
            others.tolerations,
            others.runtime_class_name,
        )


class Runtimes:
    """The installed runtimes."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._runtimes: dict[str, Runtime] = {}

    def seen(self, obj: RuntimeDict, *, deleted: bool = False) -> Runtime | None:
        """Update the cache from a list or an event. Return the runtime, or None if it is gone.

        Raises:
            pydantic.ValidationError: this operator does not support the spec.
        """
        name = obj["metadata"]["name"]
        if deleted:
            self._runtimes.pop(name, None)
            return None
        of = obj["metadata"]
        known = self._runtimes.get(name)
        if known and (known.uid, known.generation) == (of["uid"], of["generation"]):
            return known  # most changes are of the status, which this operator writes
        spec = RuntimeSpec.model_validate(obj["spec"])
        runtime = Runtime(name, of["uid"], of["generation"], spec)
        self._runtimes[name] = runtime
        return runtime

    def named(self, name: str) -> Runtime | None:
        """Return the runtime with exactly this name, or None."""
        return self._runtimes.get(name)

    def __iter__(self) -> Iterator[Runtime]:
        """Iterate over all runtimes."""
        return iter(list(self._runtimes.values()))

    async def refresh(self) -> None:
        """Read all runtimes from the API server."""
        for obj in await self._kube.list_runtimes():
            try:
                self.seen(obj)
            except pydantic.ValidationError:
                continue  # reported by the handler of its event

    async def find(self, language: str, entry: str | None = None) -> Runtime:
        """Return the runtime with this name or alias, in any letter case.

        Raises:
            EndedError: UnknownLanguage, if there is none, or if it has no such entry.
            UnavailableError: it is not in the cache, and the API server does not answer.
        """
        if not (found := self._known(language)):
            # The execution's event may arrive before that of a runtime that was just applied.
            await self.refresh()
            found = self._known(language)
        if not found:
            installed = ", ".join(sorted(self._runtimes)) or "none"
            raise EndedError(
                Reason.UNKNOWN_LANGUAGE,
                f"spec.language: there is no SandboxRuntime for {language!r}; "
                f"installed: {installed}",
            )
        try:
            commands(found.spec, entry)
        except UnknownEntryError as error:
            raise EndedError(Reason.UNKNOWN_LANGUAGE, f"spec.entry: {error}") from None
        return found

    def shared_aliases(self, runtime: Runtime) -> dict[str, str]:
        """Return the runtime's aliases that are also an alias or the name of another, and which."""
        words = {
            word.lower(): other.name
            for other in self
            if other.name != runtime.name
            for word in (other.name, *(other.spec.aliases or []))
        }
        aliases = runtime.spec.aliases or []
        return {alias: words[alias.lower()] for alias in aliases if alias.lower() in words}

    def label(self, language: str) -> str:
        """Return the runtime's name as a metric's label, or `other` if it is not installed.

        Clients choose the text of `language`, and labels of any text would have no bound.
        """
        found = self._known(language)
        return found.name if found else "other"

    def _known(self, language: str) -> Runtime | None:
        wanted = language.lower()
        if wanted in self._runtimes:
            return self._runtimes[wanted]
        for name in sorted(self._runtimes):
            runtime = self._runtimes[name]
            if wanted in (alias.lower() for alias in runtime.spec.aliases or []):
                return runtime
        return None
