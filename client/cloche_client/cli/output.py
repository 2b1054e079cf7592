"""Objects as a table, JSON, YAML, or as the server sent them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cloche_client.cli.context import Context

FORMATS = ("table", "json", "yaml", "raw")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_RESERVED = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def show(
    context: Context, objects: Sequence[Mapping[str, Any]], columns: Mapping[str, str], what: str
) -> None:
    """Write a list of objects in the format of `-o`.

    Args:
        context: the call.
        objects: as the server sent them.
        columns: for the table, the title of each column and the field it shows. `age` is the time
            since `created_at`.
        what: the objects' name in the plural.
    """
    form = context.option("output") or "table"
    if form == "json":
        context.show(json.dumps(list(objects), indent=2, ensure_ascii=False))
    elif form == "yaml":
        context.write(yaml(list(objects)))
    elif form == "raw":
        for one in objects:
            context.show(json.dumps(one, ensure_ascii=False))
    elif objects:
        rows = [[_cell(one, name) for name in columns.values()] for one in objects]
        context.write(table([list(columns), *rows]))
    else:
        context.note(f"there are no {what}")


def show_one(context: Context, one: Mapping[str, Any], text: str) -> None:
    """Write an object in the format of `-o`; as a table it is `text`."""
    form = context.option("output") or "table"
    if form == "json":
        context.show(json.dumps(one, indent=2, ensure_ascii=False))
    elif form == "yaml":
        context.write(yaml(one))
    elif form == "raw":
        context.show(json.dumps(one, ensure_ascii=False))
    elif text:
        context.show(text)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows with aligned columns, as kubectl prints them."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    lines = (
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "".join(f"{line.rstrip()}\n" for line in lines)


def yaml(value: Any) -> str:
    """Return plain JSON data as YAML 1.2."""
    return "\n".join(_lines(value)) + "\n"


def age(created: str | None, now: datetime | None = None) -> str:
    """Return the time since a moment in RFC 3339, in one unit."""
    if created is None:
        return "-"
    try:
        since = (now or datetime.now(UTC)) - datetime.fromisoformat(created)
    except (ValueError, TypeError):
        return "-"
    seconds = max(0, int(since.total_seconds()))
    for unit, letter in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "m")):
        if seconds >= 2 * unit:
            return f"{seconds // unit}{letter}"
    return f"{seconds}s"


def _cell(one: Mapping[str, Any], name: str) -> str:
    if name == "age":
        return age(one.get("created_at"))
    value = one.get(name)
    if isinstance(value, list | tuple):
        value = ", ".join(str(part) for part in value)
    text = "-" if value is None or value == "" else str(value)
    # The text may come from another client of the tenant.
    return "".join(char if char.isprintable() else "?" for char in text)


def _lines(value: Any) -> list[str]:
    if isinstance(value, Mapping) and value:
        lines = []
        for key, inner in value.items():
            lines += _entry(f"{_scalar(str(key))}:", inner)
        return lines
    if isinstance(value, list) and value:
        lines = []
        for inner in value:
            first, *rest = _lines(inner)
            lines += [f"- {first}", *(f"  {line}" for line in rest)]
        return lines
    return [_scalar(value)]


def _entry(head: str, value: Any) -> list[str]:
    if isinstance(value, Mapping | list) and value:
        return [head, *(f"  {line}" for line in _lines(value))]
    return [f"{head} {_scalar(value)}"]


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _RESERVED:
        return value
    return json.dumps(value, ensure_ascii=False)
