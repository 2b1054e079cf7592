"""The packages of the languages, from the tables of docs/user/languages.md."""

from __future__ import annotations

import re
from dataclasses import dataclass

from support.data.documents import section, tables
from support.data.names import ROOT

PAGE = "docs/user/languages.md"
LOCALES = "## Locales, time zones and fonts"
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Package:
    """A package as the page names it; for Python also the name by which a program imports it."""

    name: str
    version: str
    debian: str
    module: str = ""


def python() -> list[Package]:
    """Return the packages of Python."""
    rows = _table("### Python packages")
    return [Package(row[0], row[2], _code(row[3])[0], _code(row[1])[0]) for row in rows]


def javascript() -> list[Package]:
    """Return the packages of JavaScript and TypeScript."""
    return _simple("### JavaScript and TypeScript packages")


def ruby() -> list[Package]:
    """Return the gems that the image of Ruby adds to its standard library."""
    return _simple("### Ruby gems")


def php() -> dict[str, list[str]]:
    """Return the extensions of PHP by Debian's package."""
    return {_code(row[0])[0]: _code(row[1]) for row in _table("### PHP extensions")}


def locales() -> set[str]:
    """Return the names of the locales, without `.UTF-8`."""
    names = _code(section(PAGE, LOCALES))
    return {name for name in names if re.fullmatch("[a-z]{2}_[A-Z]{2}", name)}


def installed(language: str) -> str:
    """Return the text of a language's Dockerfile."""
    return (ROOT / "runtimes" / language / "Dockerfile").read_text(encoding="utf-8")


def _simple(heading: str) -> list[Package]:
    rows = _table(heading)
    return [Package(_code(row[0])[0], row[1], _code(row[2])[0]) for row in rows]


def _table(heading: str) -> list[list[str]]:
    (table,) = tables(section(PAGE, heading))
    return table


def _code(text: str) -> list[str]:
    return _CODE.findall(text)
