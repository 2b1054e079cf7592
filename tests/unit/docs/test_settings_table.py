"""The tables of settings in docs/operate/configure.md."""

from __future__ import annotations

import re

import pytest
from settings_table import PAGE, PROGRAMS, Program, written

_VARIABLE = re.compile(r"CLOCHE_(?:GATEWAY|OPERATOR)_(\w+)")


def test_the_page_has_the_tables_that_the_settings_give() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == written(page), "run `make settings-docs`"


def test_an_outdated_settings_table_is_replaced() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert written(page.replace("| `PORT` |", "| `PROT` |")) == page


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_every_setting_has_a_description(program: Program) -> None:
    fields = program.settings.model_fields.items()
    assert not [name for name, field in fields if not field.description]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_every_variable_that_the_chart_sets_has_a_chart_value(program: Program) -> None:
    set_by_chart = set(_VARIABLE.findall(program.template.read_text(encoding="utf-8")))
    page = PAGE.read_text(encoding="utf-8").split(f"<!-- settings:{program.name} -->")[1]
    rows = [line.split(" | ") for line in page.split("<!-- /settings")[0].splitlines()[3:]]
    documented = {row[0].strip("|` ") for row in rows if row[1] != "*no value*"}
    assert documented == set_by_chart
