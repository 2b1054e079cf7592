"""The page of the languages, compared with what the runtimes declare."""

from __future__ import annotations

import re
from typing import Any

import yaml
from support.data.documents import section, tables
from support.data.names import ROOT

PAGE = "docs/user/languages.md"
CHANGES = {"byteOrderMark": "the mark is removed", "lineEnds": "CR LF becomes LF"}


def runtimes() -> dict[str, dict[str, Any]]:
    found = sorted((ROOT / "runtimes").glob("*/runtime.yaml"))
    return {path.parent.name: yaml.safe_load(path.read_text())["spec"] for path in found}


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_page_lists_the_entries_of_every_language() -> None:
    (table,) = tables(section(PAGE, "## Entries"))
    listed = {(names(row[0])[0], names(row[1])[0]) for row in table}
    declared = {
        (language, entry["name"])
        for language, spec in runtimes().items()
        for entry in spec.get("entries", [])
    }
    assert listed == declared


def test_the_page_lists_how_the_source_of_every_language_is_changed() -> None:
    (table,) = tables(section(PAGE, "## Source files as they were saved"))
    listed = {
        names(row[0])[0]: (names(row[1]), {key for key, text in CHANGES.items() if text in row[2]})
        for row in table
    }
    declared = {
        language: (spec["source"]["files"], set(spec["source"]) - {"files"})
        for language, spec in runtimes().items()
        if "source" in spec
    }
    assert listed == declared
