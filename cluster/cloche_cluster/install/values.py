"""The chart's values of an installation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def image_values(tags: Mapping[str, str], languages: Iterable[str]) -> dict[str, Any]:
    """Return the values for images with these `tags`, by the images' names.

    Of all `languages` of the chart, those whose image has no tag are left out.
    """
    disabled = [name for name in languages if f"runtime-{name}" not in tags]
    return {"image": {"tags": dict(tags)}, "runtimes": {"disabled": sorted(disabled)}}


def merged(*parts: dict[str, Any]) -> dict[str, Any]:
    """Return the values of all parts, nested ones too; later ones win."""
    result: dict[str, Any] = {}
    for part in parts:
        for name, value in part.items():
            old = result.get(name)
            both = isinstance(old, dict) and isinstance(value, dict)
            result[name] = merged(old, value) if both else value  # type: ignore[arg-type]
    return result
