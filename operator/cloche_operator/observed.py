"""What the watches have shown: the sandbox Pods and the runtimes, in memory.

All of it can be thrown away: it is filled by a list at start and kept by events.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pydantic

from cloche_api import meta, quantity
from cloche_api.phases import Reason
from cloche_api.runtime import Pool, RuntimeSpec
from cloche_operator.diagnosis import lacks_node
from cloche_operator.outcome import EndedError
from cloche_operator.pods import PodShape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloche_api.amounts import UsedResources
    from cloche_operator.kube import Kube


_GONE_PODS = 500  # each some KiB; asked for within a second of its going


class Pods:
    """The sandbox Pods that live, and those of `users` that they run as."""

    def __init__(self, users: range) -> None:
        self._users = users
        self._pods: dict[str, dict[str, Any]] = {}
        self._gone: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._promised: set[int] = set()
        self._without_node: dict[str, dict[str, Any]] = {}
        self._overheads: dict[str, int] = {}

    def __iter__(self) -> Any:
        """All Pods, as they were last seen."""
        return iter(list(self._pods.values()))

    def get(self, name: str, uid: str) -> dict[str, Any] | None:
        """The Pod as it was last seen, or None."""
        pod = self._pods.get(name)
        return pod if pod and pod["metadata"]["uid"] == uid else None

    def node_of(self, pod: dict[str, Any]) -> str | None:
        """The node of a Pod, as far as it was seen: a Pod that was just created has none yet."""
        of = pod["metadata"]
        latest = self.get(of["name"], of["uid"]) or pod
        node: str | None = latest["spec"].get("nodeName")
        return node

    def named(self, name: str) -> dict[str, Any] | None:
        """The Pod of that name, whichever it is, as it was last seen."""
        return self._pods.get(name)

    def seen(self, pod: dict[str, Any], *, deleted: bool = False) -> None:
        """Take in what a list or an event has shown."""
        name = pod["metadata"]["name"]
        if overhead := pod["spec"].get("overhead"):
            runtime = pod["metadata"]["labels"].get(meta.LABEL_RUNTIME, "")
            self._overheads[runtime] = quantity.whole(overhead.get("memory", 0))
        if not deleted:
            if not self._is_of_before(pod):
                self._pods[name] = pod
        elif self.get(name, pod["metadata"]["uid"]):
            del self._pods[name]
            self._gone[pod["metadata"]["uid"]] = pod
            if len(self._gone) > _GONE_PODS:
                self._gone.popitem(last=False)
        if (latest := self._pods.get(name)) and lacks_node(latest):
            self._without_node[name] = latest
        else:
            self._without_node.pop(name, None)
        for event in self._waiting.get(name, ()):
            event.set()

    @property
    def without_node(self) -> list[dict[str, Any]]:
        """The Pods that no node takes now, as the scheduler says."""
        return list(self._without_node.values())

    def overhead_of(self, runtime: str) -> int:
        """Bytes that the RuntimeClass of a runtime's Pods adds to their memory, as last seen."""
        return self._overheads.get(runtime, 0)

    def _is_of_before(self, pod: dict[str, Any]) -> bool:
        """Whether another Pod has its name by now: the watch may be behind our own create.

        resourceVersions of one resource can be compared as numbers (KEP-5504).
        """
        of = pod["metadata"]
        known = self._pods.get(of["name"], pod)["metadata"]
        if known["uid"] == of["uid"]:
            return False
        versions = (known.get("resourceVersion", ""), of.get("resourceVersion", ""))
        return all(v.isdecimal() for v in versions) and int(versions[0]) > int(versions[1])

    def last(self, uid: str) -> dict[str, Any] | None:
        """A Pod as it was when it went, if that was seen lately."""
        return self._gone.get(uid)

    async def changed(self, name: str, seconds: float) -> None:
        """Return when something new was seen of the Pod, or after so many seconds."""
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
        """The lowest uid that no live Pod runs as: RLIMIT_NPROC counts by uid on a node.

        Raises:
            EndedError: all are taken.
        """
        taken = self._promised | {
            pod["spec"].get("securityContext", {}).get("runAsUser") for pod in self._pods.values()
        }
        for user in self._users:
            if user not in taken:
                self._promised.add(user)
                return user
        raise EndedError(Reason.UNSCHEDULABLE, "Every user that a Pod may run as is taken.")

    def give_user_back(self, user: int) -> None:
        """The Pod that was to run as this user is gone."""
        self._promised.discard(user)


@dataclass(frozen=True)
class Runtime:
    """A SandboxRuntime."""

    name: str
    uid: str
    generation: int
    spec: RuntimeSpec

    def shape(self, used: UsedResources) -> PodShape:
        """What its Pods with these limits are like, whatever else of the runtime changes."""
        spec = self.spec.model_copy(update={"pool": Pool(), "aliases": None, "version": None})
        return PodShape(self.name, self.uid, spec, used)

    @cached_property
    def default_shape(self) -> PodShape:
        """What its Pods are like when nothing else is asked for: those of its pool."""
        return self.shape(self.spec.resources.defaults)

    @property
    def tolerations(self) -> list[dict[str, Any]]:
        """Its own tolerations, as Kubernetes has them."""
        own = self.spec.tolerations or []
        return [one.model_dump(by_alias=True, exclude_none=True) for one in own]

    @cached_property
    def place(self) -> str:
        """Which nodes its Pods may be on: the same text for the same selector and tolerations."""
        if not (self.spec.node_selector or self.spec.tolerations):
            return ""
        return json.dumps([self.spec.node_selector, self.tolerations], sort_keys=True)

    def competes_with(self, other: Runtime) -> bool:
        """Whether the Pods of both go to the same nodes."""
        mine, others = self.spec, other.spec
        return (mine.node_selector, mine.tolerations, mine.runtime_class_name) == (
            others.node_selector,
            others.tolerations,
            others.runtime_class_name,
        )


class Runtimes:
    """The languages that are installed."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._runtimes: dict[str, Runtime] = {}

    def seen(self, obj: dict[str, Any], *, deleted: bool = False) -> Runtime | None:
        """Take in what a list or an event has shown; the runtime as it now is, None when gone.

        Raises:
            pydantic.ValidationError: the runtime is not one that this operator understands.
        """
        name = obj["metadata"]["name"]
        if deleted:
            self._runtimes.pop(name, None)
            return None
        of = obj["metadata"]
        known = self._runtimes.get(name)
        if known and (known.uid, known.generation) == (of["uid"], of["generation"]):
            return known  # most changes are of the status, which this operator writes itself
        spec = RuntimeSpec.model_validate(obj["spec"])
        runtime = Runtime(name, of["uid"], of["generation"], spec)
        self._runtimes[name] = runtime
        return runtime

    def named(self, name: str) -> Runtime | None:
        """The runtime of just that name."""
        return self._runtimes.get(name)

    def __iter__(self) -> Iterator[Runtime]:
        """All runtimes."""
        return iter(list(self._runtimes.values()))

    async def refresh(self) -> None:
        """Read all of them again."""
        for obj in await self._kube.list_runtimes():
            try:
                self.seen(obj)
            except pydantic.ValidationError:
                continue  # the handler of its event has told

    async def find(self, language: str) -> Runtime:
        """The runtime of that name or alias, letter case aside.

        Raises:
            EndedError: UnknownLanguage, when there is none.
            UnavailableError: it is not known yet, and the API server does not answer.
        """
        if not (found := self._known(language)):
            # The execution's event may have come before that of a runtime just applied.
            await self.refresh()
            found = self._known(language)
        if not found:
            installed = ", ".join(sorted(self._runtimes)) or "none"
            raise EndedError(
                Reason.UNKNOWN_LANGUAGE,
                f"spec.language: there is no SandboxRuntime for {language!r}; "
                f"installed: {installed}",
            )
        return found

    def label(self, language: str) -> str:
        """The installed runtime's name for that name or alias, as a metric's label; else `other`.

        Whoever creates an execution chooses the text: labels of any text would be without bound.
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
