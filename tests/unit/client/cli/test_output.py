"""Tables, YAML and ages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml as pyyaml

from cloche_client.cli.output import _cell, age, table, yaml

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        *({}, [], None, "", "null", "yes", "1.5", "- a", "a: b", "a\nb", "é\u2028", "a#b", "~"),
        {"a": [1, {"b": None}, [], [[2]]], "c d": {"e": {}}, "true": True, "f": "x\x00\x1b"},
        [{"a": 1, "b": {"c": [1]}}, ["x", ["y"]], 0.5],
    ],
)
def test_yaml_is_read_back_as_the_same_data(value: Any) -> None:
    assert pyyaml.safe_load(yaml(value)) == value


def test_columns_are_aligned_without_space_at_the_ends_of_lines() -> None:
    assert table([["A", "LONG"], ["bbb", "c"]]) == "A     LONG\nbbb   c\n"


def test_control_characters_of_other_clients_do_not_reach_the_terminal() -> None:
    assert _cell({"session_id": "a\x1b[2Jb\n"}, "session_id") == "a?[2Jb?"
    assert _cell({"exit_code": None}, "exit_code") == "-"
    assert _cell({"exit_code": 0}, "exit_code") == "0"
    assert _cell({"aliases": ["py", "python3"]}, "aliases") == "py, python3"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (7199, "119m"),
        (7200, "2h"),
        (172800, "2d"),
        (-5, "0s"),
    ],
)
def test_an_age_has_one_unit(seconds: int, shown: str) -> None:
    assert age((NOW - timedelta(seconds=seconds)).isoformat(), NOW) == shown


def test_an_age_that_is_not_known_is_a_dash() -> None:
    assert age(None, NOW) == age("yesterday", NOW) == age("2026-01-01T00:00:00", NOW) == "-"
