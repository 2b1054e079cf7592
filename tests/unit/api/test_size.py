"""Sizes as Go's encoding/json counts them; tests/integration compares with a real API server."""

from __future__ import annotations

import json

import pytest

from cloche_api.accounting.size import json_bytes, object_bytes


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", 0),
        ("abc", 3),
        ("ü", 2),
        ("€", 3),
        ("🪴", 4),
        ("\ufffd", 3),
        ('"', 2),
        ("\\", 2),
        ("/", 1),
        ("\n\r\t\b\f", 10),
        ("\x00", 6),
        ("\x1f", 6),
        ("\x7f", 1),
        ("<>&", 18),
        ("\u2028\u2029", 12),
        ("\u2027\u202a", 6),
        ("a<b\n", 1 + 6 + 1 + 2),
    ],
)
def test_json_bytes_counts_a_text_as_go_encodes_it(text: str, size: int) -> None:
    assert json_bytes(text) == size
    assert json_bytes(text * 1000) == 1000 * size


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a<", '"a\\u003c"'),
        ({}, "{}"),
        ([], "[]"),
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-17, "-17"),
        (1.5, "1.5"),
        ({"a": [1, {"b": "c"}], "d": None}, '{"a":[1,{"b":"c"}],"d":null}'),
        ({"stdout": "x" * 1000, "files": [{"path": "p"}] * 10}, None),
    ],
)
def test_object_bytes_is_never_less_and_hardly_more_than_the_exact_size(
    value: object, written: str | None
) -> None:
    exact = len(written or json.dumps(value, separators=(",", ":")))
    assert exact <= object_bytes(value) <= exact + 2 + exact // 4


def test_a_lone_surrogate_counts_as_the_replacement_character() -> None:
    assert json_bytes("\ud800") == json_bytes("\ufffd")
