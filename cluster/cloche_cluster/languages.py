"""The languages to install: those in `LANGUAGES=`, or the earlier choice."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from cloche_cluster.errors import ClusterError
from cloche_cluster.images.table import FIRST_LANGUAGES, RUNTIME_BASE, Image, discover

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

ALL = "all"
"""The value of `LANGUAGES=` that cancels an earlier choice."""


def languages(repository: Path) -> tuple[str, ...]:
    """Return the names of all languages of the checkout, in the order of their builds."""
    return tuple(image.language for image in discover(repository) if image.language)


def chosen(text: str, known: Mapping[str, Iterable[str]]) -> tuple[str, ...] | None:
    """Return the languages in `text`, separated by commas or spaces; None: all.

    `known` maps each language to its aliases. Raises ClusterError for any other name.
    """
    words = re.split(r"[,\s]+", text.strip().lower())
    if ALL in words:
        return None
    by_name = {alias: name for name, aliases in known.items() for alias in (*aliases, name)}
    unknown = [word for word in words if word not in by_name]
    if unknown:
        raise ClusterError(
            f"LANGUAGES: unknown language {', '.join(map(repr, unknown))}; choose from "
            f"{', '.join(sorted(known))}, or {ALL}"
        )
    wanted = {by_name[word] for word in words}
    return tuple(name for name in known if name in wanted)


def aliases(repository: Path) -> dict[str, list[str]]:
    """Return the aliases of each language of the checkout."""
    found = {}
    for name in languages(repository):
        manifest = repository / "runtimes" / name / "runtime.yaml"
        found[name] = list(yaml.safe_load(manifest.read_text())["spec"].get("aliases") or ())
    return found


def images_for(repository: Path, wanted: Iterable[str] | None) -> tuple[Image, ...]:
    """Return the images of an installation with the languages `wanted` (None: all)."""
    if wanted is None:
        return discover(repository)
    names = set(wanted)
    return tuple(
        image for image in discover(repository) if not image.language or image.language in names
    )


def first_images(images: Sequence[Image]) -> tuple[str, ...]:
    """Return the names of the images that the first answer needs.

    These are gateway, operator, and the languages that are built first; if none of those is among
    `images`, the first language in it.
    """
    there = [image.language for image in images if image.language]
    first = [name for name in there if name in FIRST_LANGUAGES] or there[:1]
    needed = {"gateway", "operator", RUNTIME_BASE}
    return tuple(image.name for image in images if image.name in needed or image.language in first)
