"""The packages of an own runtime: how they are named, checked and stored."""

from __future__ import annotations

import dataclasses
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from cloche_cluster.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE = "packages.yaml"
"""The file of an own runtime's folder that names its base and its packages."""
NAME_LENGTH = 40
"""Maximum characters of a name: the names of its Pods are longer."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_NPM_NAME = r"(@[a-z0-9._-]+/)?[A-Za-z0-9][A-Za-z0-9._-]*"
_WORDS = {
    "apt": (r"[a-z0-9][a-z0-9+.-]+", "python3-gdal"),
    "pip": (r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9,._-]+\])?([<>=!~]=?[A-Za-z0-9.,<>=!~*+]+)?",
            "rapidfuzz or simpy==4.1.1"),
    "npm": (_NPM_NAME + r"(@[A-Za-z0-9^~<>=.*-]+)?", "dayjs or dayjs@1.11.13"),
    "gem": (r"[A-Za-z0-9][A-Za-z0-9._-]*(:[A-Za-z0-9.]+)?", "money or money:6.19.0"),
    "maven": (r"[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+){2}", "com.google.code.gson:gson:2.11.0"),
}  # fmt: skip
"""The words of each kind of package: their pattern, and an example."""
KINDS = tuple(_WORDS)
_FOR = {
    "pip": ("python",),
    "npm": ("javascript", "typescript"),
    "gem": ("ruby",),
    "maven": ("java",),
}
"""The languages whose programs find packages of a kind; apt packages are for all."""


@dataclass(frozen=True)
class Packages:
    """What an own runtime adds to the language `base`."""

    base: str
    apt: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    npm: tuple[str, ...] = ()
    gem: tuple[str, ...] = ()
    maven: tuple[str, ...] = ()

    @property
    def lists(self) -> dict[str, list[str]]:
        """The packages of each kind that has some."""
        fields = dataclasses.asdict(self)
        return {kind: list(fields[kind]) for kind in _WORDS if fields[kind]}

    def write(self, folder: Path) -> None:
        """Write them into the folder of the runtime."""
        text = yaml.safe_dump({"from": self.base, **self.lists}, sort_keys=False)
        (folder / FILE).write_text(text, encoding="utf-8")


def named(base: str, texts: Mapping[str, str]) -> Packages:
    """Return the packages in `texts`, by kind; each text has words as in a shell.

    Raises ClusterError if a word does not name a package, if the language cannot have this kind, or
    if there is no package at all.
    """
    found: dict[str, tuple[str, ...]] = {}
    for kind, text in texts.items():
        words = tuple(sorted(set(_split(kind, text))))
        for word in words:
            _check(kind, word)
        if words and base not in _FOR.get(kind, (base,)):
            languages = " or ".join(_FOR[kind])
            raise ClusterError(
                f"{kind.upper()}: programs in {base} do not find such packages: use "
                f"FROM={languages}, or APT"
            )
        found[kind] = words
    packages = Packages(base, **found)
    if not packages.lists:
        kinds = ", ".join(f"{kind.upper()}=…" for kind in _WORDS)
        raise ClusterError(f"name at least one package: {kinds}")
    return packages


def stored(folder: Path) -> Packages | None:
    """Return what `Packages.write` wrote, or None. Raises ClusterError if it is not readable."""
    path = folder / FILE
    try:
        fields: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        lists = {kind: " ".join(map(shlex.quote, fields.get(kind, ()))) for kind in _WORDS}
        return named(fields["from"], lists)
    except FileNotFoundError:
        return None
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise ClusterError(f"{path}: cannot be read: {error}") from None


def check_name(name: str) -> None:
    """Raise ClusterError unless `name` may be the name of a runtime."""
    if not _NAME.fullmatch(name) or len(name) > NAME_LENGTH:
        raise ClusterError(
            f"NAME: must be lowercase letters, digits and single hyphens, begin with a letter and "
            f"have at most {NAME_LENGTH} characters, for example python-nlp; it is {name!r}"
        )


def _split(kind: str, text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ClusterError(f"{kind.upper()}: {error}: write the packages as one text") from None


def _check(kind: str, word: str) -> None:
    pattern, example = _WORDS[kind]
    if not re.fullmatch(pattern, word):
        raise ClusterError(
            f"{kind.upper()}: {word!r} is not a package: write, for example, {example}"
        )
