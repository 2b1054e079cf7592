"""The installed languages: a view of the SandboxRuntimes."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from pydantic import ValidationError

from cloche_api import limits
from cloche_api.resources import quantity
from cloche_api.resources.runtime import RuntimeSpec
from cloche_gateway.cluster.waiting_pods import WaitingPods
from cloche_gateway.errors import BusyError, UnsupportedLanguageError
from cloche_kube.watch import Source

if TYPE_CHECKING:
    from cloche_api.resources.amounts import ResourceAmounts, UsedResources
    from cloche_api.resources.typed_dicts import ConditionDict, RuntimeStatusDict
    from cloche_kube.paths import Paths

_log = logging.getLogger(__name__)

_ORDER = (
    "python", "javascript", "typescript", "java", "go", "rust", "cpp", "csharp", "ruby", "php",
    "sql", "bash",
)  # fmt: skip
"""The order of languages in messages and lists. Others follow, sorted by name."""
_PoolField = Literal["wanted", "ready", "claimed", "hits", "misses", "healthFailures"]
_POOL_FIELDS: tuple[_PoolField, ...] = get_args(_PoolField)
CPU_MIN = Decimal("0.01")
"""The kernel's minimum: 1 ms of each 100 ms (cpu.cfs_quota_us)."""
MEMORY_MIN = 32 * limits.MIB
"""The supervisor needs about half of it."""
DISK_MIN = limits.MIB
_WORD_CHARACTERS = 253  # the longest name of a Kubernetes object; aliases have at most 63
_STORAGE_AVAILABLE = "StorageAvailable"
"""The condition that the operator sets on each SandboxRuntime."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """Amounts of resources: CPU in cores, memory and disk in bytes."""

    cpu: Decimal
    memory: int
    disk: int


@dataclass(frozen=True, slots=True)
class Language:
    """The fields of a SandboxRuntime that the gateway needs."""

    name: str
    aliases: tuple[str, ...]
    entries: tuple[str, ...]
    file_name: str
    image: str
    version: str | None
    compiled: bool
    """Whether the language has a compiler."""
    minimum: Amounts
    defaults: Amounts
    maximum: Amounts
    has_cells: bool = False
    """Whether a session can keep its interpreter."""


def source(paths: Paths) -> Source:
    """Return the watch source of all SandboxRuntimes."""
    return Source(paths.runtimes, {})


def language_of(obj: dict[str, Any]) -> Language:
    """Parse a SandboxRuntime.

    Raises:
        ValueError: it is not valid (pydantic's ValidationError is a ValueError).
    """
    spec = RuntimeSpec.model_validate(obj["spec"])
    return Language(
        name=obj["metadata"]["name"],
        aliases=tuple(spec.aliases or ()),
        entries=tuple(entry.name for entry in spec.entries or ()),
        file_name=spec.file_name,
        image=spec.image,
        version=spec.version,
        compiled=spec.compile is not None,
        minimum=_least(spec.resources.minimum),
        defaults=_amounts(spec.resources.defaults),
        maximum=_amounts(spec.resources.maximum),
        has_cells=spec.cells is not None,
    )


def _amounts(resources: UsedResources) -> Amounts:
    return Amounts(
        cpu=quantity.parse(resources.cpu),
        memory=quantity.whole(resources.memory),
        disk=quantity.whole(resources.disk),
    )


def _least(declared: ResourceAmounts | None) -> Amounts:
    """Return the minimum of a request: the declared one, but no less than any Pod needs."""
    memory = quantity.whole(declared.memory or 0) if declared else 0
    disk = quantity.whole(declared.disk or 0) if declared else 0
    cpu = quantity.parse(declared.cpu or 0) if declared else Decimal(0)
    return Amounts(max(cpu, CPU_MIN), max(memory, MEMORY_MIN), max(disk, DISK_MIN))


class Languages:
    """The languages that are installed now. A sink of the watch of SandboxRuntimes.

    `storage_full` has the names of languages whose condition StorageAvailable is False: the stored
    executions exceed their hard limit, and no more may be created.
    """

    def __init__(self) -> None:
        self.storage_full: set[str] = set()
        self.pools: dict[str, dict[str, int]] = {}
        """The pool status of each runtime, by its name. The keys are the status fields."""
        self.waiting_pods = WaitingPods()
        """The Pods that executions may name."""
        self._generations: dict[str, tuple[str, int]] = {}
        self._installed: dict[str, Language] = {}
        self._by_word: dict[str, Language] = {}
        self.known = False

    def supported(self) -> list[str]:
        """Return the names of the installed languages, in display order.

        Raises:
            BusyError: the runtimes have not been read yet.
        """
        if not self.known:
            raise BusyError
        return self._names()

    def _names(self) -> list[str]:
        place = {name: index for index, name in enumerate(_ORDER)}
        return sorted(self._installed, key=lambda name: (place.get(name, len(place)), name))

    def find(self, word: str) -> Language:
        """Return the language with this name or alias, ignoring case.

        Raises:
            UnsupportedLanguageError: no language has this name or alias.
            BusyError: the runtimes have not been read yet.
        """
        names = self.supported()
        found = None
        if len(word) <= _WORD_CHARACTERS:  # Case folding of a long text takes time.
            found = self._by_word.get(word) or self._by_word.get(word.casefold())
        if found is None:
            raise UnsupportedLanguageError(word, names)
        return found

    def replace(self, objects: list[dict[str, Any]]) -> None:
        """Replace all languages with those of these SandboxRuntimes."""
        before = set(self.pools)
        self._generations.clear()
        self.pools.clear()
        self._installed.clear()
        self.storage_full.clear()
        for gone in before - {obj["metadata"]["name"] for obj in objects}:
            self.waiting_pods.hide(gone)
        for obj in objects:
            self._look_at_status(obj)
            self._take(obj)
        self.known = True
        self._index()

    def changed(self, kind: str, obj: dict[str, Any]) -> None:
        """Apply one watch event. Most change only the status, and need no new index."""
        name = obj["metadata"]["name"]
        if kind == "DELETED":
            self._generations.pop(name, None)
            self._installed.pop(name, None)
            self.pools.pop(name, None)
            self.waiting_pods.hide(name)
            self.storage_full.discard(name)
        else:
            self._look_at_status(obj)
            if not self._take(obj):
                return
        self._index()

    def connected(self) -> None:
        """Do nothing: a new watch resumes where the last one ended, or follows a new list."""

    def _look_at_status(self, obj: dict[str, Any]) -> None:
        name: str = obj["metadata"]["name"]
        status = cast("RuntimeStatusDict", obj.get("status") or {})
        self.pools[name] = {field: status.get(field) or 0 for field in _POOL_FIELDS}
        self.waiting_pods.show(obj)
        conditions: list[ConditionDict] = status.get("conditions") or []
        if any(c["type"] == _STORAGE_AVAILABLE and c["status"] == "False" for c in conditions):
            self.storage_full.add(name)
        else:
            self.storage_full.discard(name)

    def _take(self, obj: dict[str, Any]) -> bool:
        meta = obj["metadata"]
        generation = (meta["uid"], meta.get("generation", 0))
        if self._generations.get(meta["name"]) == generation:
            return False
        self._generations[meta["name"]] = generation
        try:
            self._installed[meta["name"]] = language_of(obj)
        except (ValidationError, ValueError, KeyError) as error:
            self._installed.pop(meta["name"], None)
            _log.error("runtime %s is skipped: %s", meta["name"], error)
        return True

    def _index(self) -> None:
        """Rebuild the index of names and aliases.

        A name takes precedence over an alias. If two languages have the same alias, it belongs to
        the first one in display order. An exact match takes precedence over one that ignores case.
        """
        words: dict[str, Language] = {}
        languages = [self._installed[name] for name in self._names()]
        for language in languages:
            words.setdefault(language.name, language)
        for language in languages:
            for alias in language.aliases:
                words.setdefault(alias, language)
        for word, language in list(words.items()):
            words.setdefault(word.casefold(), language)
        self._by_word = words
        _log.info("installed languages: %s", ", ".join(self._names()) or "none")
