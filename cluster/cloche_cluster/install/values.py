"""The chart's values for an installation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def image_values(tags: Mapping[str, str], languages: Iterable[str]) -> dict[str, Any]:
    """Return the values for images with these `tags`, by the images' names.

    Those of the chart's `languages` whose image has no tag are disabled.
    """
    disabled = [name for name in languages if f"runtime-{name}" not in tags]
    return {"image": {"tags": dict(tags)}, "runtimes": {"disabled": sorted(disabled)}}


def merged(*parts: dict[str, Any]) -> dict[str, Any]:
    """Merge values recursively; later parts take precedence."""
    result: dict[str, Any] = {}
    for part in parts:
        for name, value in part.items():
            old = result.get(name)
            both = isinstance(old, dict) and isinstance(value, dict)
            result[name] = merged(old, value) if both else value  # type: ignore[arg-type]
    return result
