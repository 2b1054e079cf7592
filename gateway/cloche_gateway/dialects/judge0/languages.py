"""Judge0's ids of languages, and the installed languages that they stand for.

The ids are those of Judge0 CE 1.13.1 and of its hosted successor
(https://ce.judge0.com/languages/all). All versions of a language lead to the installed one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloche_gateway.errors import UnsupportedLanguageError

if TYPE_CHECKING:
    from cloche_gateway.cluster.languages import Language, Languages


@dataclass(frozen=True, slots=True)
class Kind:
    """What the dialect knows of a language."""

    name: str
    """Its name in Cloche."""
    title: str
    """Its name in Judge0. `{}` is replaced by the version."""
    ids: tuple[int, ...]
    compiled: bool = False
    least_memory: int = 0
    """MiB that an ordinary program compiles and runs with. The memory is that of the whole Pod,
    while Judge0's limit is that of the program alone."""


_KINDS = (
    Kind("bash", "Bash ({})", (46,)),
    Kind("c", "C (GCC {})", (48, 49, 50, 75, 103, 104, 110), compiled=True, least_memory=128),
    Kind("csharp", "C# ({})", (51,), compiled=True, least_memory=128),
    Kind("cpp", "C++ (GCC {})", (52, 53, 54, 76, 105), compiled=True, least_memory=384),
    Kind("go", "Go ({})", (60, 95, 106, 107), compiled=True, least_memory=256),
    Kind("java", "Java (OpenJDK {})", (62, 91), compiled=True, least_memory=256),
    Kind("javascript", "JavaScript (Node.js {})", (63, 93, 97, 102), least_memory=96),
    Kind("php", "PHP ({})", (68, 98)),
    Kind("python", "Python ({})", (71, 92, 100, 109, 113), least_memory=48),
    Kind("ruby", "Ruby ({})", (72,), least_memory=48),
    Kind("rust", "Rust ({})", (73, 108), compiled=True, least_memory=256),
    Kind("sqlite", "SQL (SQLite {})", (82,)),
    Kind("typescript", "TypeScript ({})", (74, 94, 101), compiled=True, least_memory=256),
)
_BY_ID = {number: kind for kind in _KINDS for number in kind.ids}
_ARCHIVED = range(1, 43)
"""The ids of versions that Judge0 does not run any more."""


@dataclass(frozen=True, slots=True)
class Found:
    """An installed language by one of its ids."""

    id: int
    kind: Kind
    language: Language

    @property
    def name(self) -> str:
        """Its name in Judge0, with the installed version."""
        version = self.language.version
        if version is None:
            return self.kind.title.partition(" (")[0]
        _, bracket, inner = version.partition("(")  # "7 (Mono 6.12)" is known as Mono 6.12
        return self.kind.title.format(inner.rstrip(") ") if bracket else version)

    def shown(self, *, archived: bool = False) -> dict[str, Any]:
        """Return the language in a list."""
        body: dict[str, Any] = {"id": self.id, "name": self.name}
        return {**body, "is_archived": False} if archived else body

    def details(self) -> dict[str, Any]:
        """Return the language alone. Its commands are not those of Judge0, so they are null."""
        file = {"source_file": self.language.file_name, "compile_cmd": None, "run_cmd": None}
        return {**self.shown(archived=True), **file}


def find(languages: Languages, number: int) -> Found | None:
    """Return the installed language with this id, or None.

    Raises:
        BusyError: the runtimes have not been read yet.
    """
    kind = _BY_ID.get(number)
    if kind is None:
        return None
    try:
        return Found(number, kind, languages.find(kind.name))
    except UnsupportedLanguageError:
        return None


def is_archived(number: int) -> bool:
    """Return whether Judge0 has archived the language with this id."""
    return number in _ARCHIVED


def installed(languages: Languages) -> list[Found]:
    """Return the installed languages by all of their ids, in the order of names and ids.

    Clients ask for the language with an id that they have in their code.

    Raises:
        BusyError: the runtimes have not been read yet.
    """
    return [
        found
        for kind in sorted(_KINDS, key=lambda kind: kind.title)
        for number in kind.ids
        if (found := find(languages, number)) is not None
    ]
