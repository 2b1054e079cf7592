"""The installed languages, as the SandboxRuntimes say."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cloche_api import quantity
from cloche_api.runtime import RuntimeSpec
from cloche_gateway import names
from cloche_gateway.errors import BusyError, UnsupportedLanguageError
from cloche_gateway.watch import Source

if TYPE_CHECKING:
    from decimal import Decimal

    from cloche_api.amounts import UsedResources

_log = logging.getLogger(__name__)

_ORDER = (
    "python", "javascript", "typescript", "java", "go", "rust", "cpp", "csharp", "ruby", "php",
    "sql", "bash",
)  # fmt: skip
"""The order in which messages and lists name the languages; others follow by name."""
_POOL_FIELDS = ("wanted", "ready", "claimed", "hits", "misses", "healthFailures")
_WORD_CHARACTERS = 253  # of an object's name; aliases have 63
_STORAGE_AVAILABLE = "StorageAvailable"
"""The condition that the operator sets on every runtime."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """Cores, and bytes of memory and disk."""

    cpu: Decimal
    memory: int
    disk: int


@dataclass(frozen=True, slots=True)
class Language:
    """What the gateway needs to know of a SandboxRuntime."""

    name: str
    aliases: tuple[str, ...]
    file_name: str
    image: str
    version: str | None
    defaults: Amounts
    maximum: Amounts


def source(namespace: str) -> Source:
    """All SandboxRuntimes of the namespace."""
    return Source(names.runtimes(namespace), {})


def language_of(obj: dict[str, Any]) -> Language:
    """Read a SandboxRuntime.

    Raises:
        ValueError: when it makes no sense (pydantic's ValidationError is one).
    """
    spec = RuntimeSpec.model_validate(obj["spec"])
    return Language(
        name=obj["metadata"]["name"],
        aliases=tuple(spec.aliases or ()),
        file_name=spec.file_name,
        image=spec.image,
        version=spec.version,
        defaults=_amounts(spec.resources.defaults),
        maximum=_amounts(spec.resources.maximum),
    )


def _amounts(resources: UsedResources) -> Amounts:
    return Amounts(
        cpu=quantity.parse(resources.cpu),
        memory=quantity.whole(resources.memory),
        disk=quantity.whole(resources.disk),
    )


class Languages:
    """The languages that are installed now.

    `storage_full` has the names of those whose runtime says that the stored executions are over
    their hard bound: nothing more may be stored.
    """

    def __init__(self) -> None:
        self.storage_full: set[str] = set()
        self.pools: dict[str, dict[str, int]] = {}
        """Of each runtime's status what is said of its Pods, in the status' own words."""
        self._generations: dict[str, tuple[str, int]] = {}
        self._installed: dict[str, Language] = {}
        self._by_word: dict[str, Language] = {}
        self.known = False

    def supported(self) -> list[str]:
        """Their names, in the order in which people list them.

        Raises:
            BusyError: when the runtimes could not be read yet.
        """
        if not self.known:
            raise BusyError
        return self._names()

    def _names(self) -> list[str]:
        place = {name: index for index, name in enumerate(_ORDER)}
        return sorted(self._installed, key=lambda name: (place.get(name, len(place)), name))

    def find(self, word: str) -> Language:
        """The language of that name or alias, in whatever case.

        Raises:
            UnsupportedLanguageError: when there is none.
            BusyError: when the runtimes could not be read yet.
        """
        names = self.supported()
        found = None
        if len(word) <= _WORD_CHARACTERS:  # the folding of a long text takes its time
            found = self._by_word.get(word) or self._by_word.get(word.casefold())
        if found is None:
            raise UnsupportedLanguageError(word, names)
        return found

    def replace(self, objects: list[dict[str, Any]]) -> None:
        """Take all runtimes anew."""
        self._generations.clear()
        self.pools.clear()
        self._installed.clear()
        self.storage_full.clear()
        for obj in objects:
            self._look_at_status(obj)
            self._take(obj)
        self.known = True
        self._index()

    def changed(self, kind: str, obj: dict[str, Any]) -> None:
        """Take one change. Most are of the status, of which one condition is of interest."""
        name = obj["metadata"]["name"]
        if kind == "DELETED":
            self._generations.pop(name, None)
            self._installed.pop(name, None)
            self.pools.pop(name, None)
            self.storage_full.discard(name)
        else:
            self._look_at_status(obj)
            if not self._take(obj):
                return
        self._index()

    def connected(self) -> None:
        """Nothing was missed: the watch goes on where it ended, or the list was read anew."""

    def _look_at_status(self, obj: dict[str, Any]) -> None:
        name, status = obj["metadata"]["name"], obj.get("status") or {}
        self.pools[name] = {field: status.get(field) or 0 for field in _POOL_FIELDS}
        conditions = status.get("conditions") or []
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
        """Names stand over aliases, and of two equal aliases the first language's stands."""
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
