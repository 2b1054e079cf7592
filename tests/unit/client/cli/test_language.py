"""The language of a program by its file's name or its first line."""

from __future__ import annotations

import pytest
from support.data.names import CHART

from cloche_client.cli.language import SUFFIXES, by_first_line, by_suffix


@pytest.mark.parametrize(
    ("line", "language"),
    [
        ("#!/usr/bin/env python3", "python"),
        ("#! /usr/bin/python3.13 -u", "python"),
        ("#!/usr/bin/env -S node --no-warnings", "javascript"),
        ("#!/usr/bin/env LANG=C bash", "bash"),
        ("#!/bin/sh -e\r", "bash"),
        ("#!ruby", "ruby"),
        ("#!/usr/bin/perl", None),
        ("#!", None),
        ("# /bin/sh", None),
        ("", None),
    ],
)
def test_the_interpreter_of_the_first_line_decides(line: str, language: str | None) -> None:
    assert by_first_line(f"{line}\necho 1\n") == language


def test_the_suffix_decides_in_upper_and_lower_case() -> None:
    assert by_suffix("dir.py/a.RB") == "ruby"
    assert by_suffix("Makefile") is None
    assert by_suffix(".py") is None


def test_every_suffix_leads_to_a_language_of_the_chart() -> None:
    installed = {path.stem for path in (CHART / "runtimes").glob("*.yaml")}
    assert set(SUFFIXES.values()) == installed
