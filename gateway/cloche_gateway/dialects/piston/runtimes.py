"""The installed languages under the names, aliases and versions that clients of Piston know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloche_gateway.dialects.piston import semver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloche_gateway.cluster.languages import Language, Languages

_WORD_CHARACTERS = 253  # as the longest name of a language


@dataclass(frozen=True, slots=True)
class Runtime:
    """An installed language as Piston describes it."""

    language: str
    version: semver.Version
    aliases: tuple[str, ...]
    runtime: str | None
    """What runs or compiles it, if Piston names that."""
    installed: Language

    @property
    def shown_version(self) -> str:
        """The version as text with three numbers."""
        return ".".join(map(str, self.version))

    @property
    def listed(self) -> dict[str, Any]:
        """The entry in the list of runtimes."""
        entry: dict[str, Any] = {
            "language": self.language,
            "version": self.shown_version,
            "aliases": list(self.aliases),
        }
        return entry if self.runtime is None else {**entry, "runtime": self.runtime}


_NAMES: dict[str, tuple[str, tuple[str, ...], str | None]] = {
    "python": ("python", ("py", "py3", "python3"), None),
    "javascript": ("javascript", ("node-javascript", "node-js"), "node"),
    "typescript": ("typescript", ("ts", "node-ts", "tsc"), None),
    "go": ("go", ("golang",), None),
    "c": ("c", ("gcc",), "gcc"),
    "cpp": ("c++", ("cpp", "g++"), "gcc"),
    "csharp": (
        "csharp",
        ("mono", "mono-csharp", "mono-c#", "mono-cs", "c#", "cs", "csharp.net"),
        "mono",
    ),
    "ruby": ("ruby", ("ruby3", "rb"), None),
    "sqlite": ("sqlite3", ("sqlite", "sql"), None),
    "sql": ("postgresql", (), None),
}
"""For languages that Piston has: its name, its aliases, and its `runtime`. Cloche's own aliases are
added. Sources: packages/*/*/metadata.json of Piston."""


def installed(languages: Languages) -> list[Runtime]:
    """Return the installed languages in display order.

    Raises:
        BusyError: the runtimes have not been read yet.
    """
    return [_runtime(languages.find(name)) for name in languages.supported()]


def choose(
    runtimes: Sequence[Runtime], language: str, selector: str, *, any_version: bool
) -> Runtime | None:
    """Return the newest runtime with this name or alias that fits a selector of versions.

    If none fits, return the newest with the name if `any_version`, else None.
    """
    if len(language) > _WORD_CHARACTERS:  # Case folding of a long text takes time.
        return None
    word = language.casefold()
    named = [one for one in runtimes if word in map(str.casefold, (one.language, *one.aliases))]
    named.sort(key=lambda one: one.version, reverse=True)
    fitting = [one for one in named if semver.satisfies(one.version, selector)]
    return next(iter(fitting or (named if any_version else [])), None)


def _runtime(language: Language) -> Runtime:
    name, aliases, runtime = _NAMES.get(language.name, (language.name, (), None))
    known = dict.fromkeys((*aliases, *language.aliases))
    known.pop(name, None)
    version = semver.version_of(language.version)
    return Runtime(name, version, tuple(known), runtime, language)
