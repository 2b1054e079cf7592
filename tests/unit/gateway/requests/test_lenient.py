"""What is converted, what is not, and that a valid request is never changed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.data import bodies as made

from cloche_gateway.errors import InvalidRequestError
from cloche_gateway.models import ExecuteRequest

HELLO: dict[str, Any] = {"code": "1", "language": "python"}


def request(**fields: Any) -> ExecuteRequest:
    return made.execute_request(json.dumps(HELLO | fields).encode())[0]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"timeout": "30"}, 30),
        ({"timeout": " 2.5 "}, 2.5),
        ({"timeout": "+1"}, 1),
        ({"compile_timeout": "0.5"}, 0.5),
        ({"ttl_seconds": "60.0"}, 60),
        ({"stdin": 1e3}, "1000"),
        ({"stdin": -2.5}, "-2.5"),
        ({"stdin": False}, "false"),
        ({"session_id": 42}, "42"),
        ({"session_id": ""}, None),
        ({"args": [1, True, "a"]}, ["1", "true", "a"]),
        ({"environment": {"A": 1, "B": None, "C": "c"}}, {"A": "1", "C": "c"}),
        ({"environment": []}, None),
        ({"merge_output": "False"}, False),
        ({"merge_output": 1}, True),
    ],
)
def test_a_value_with_a_clear_meaning_is_converted(fields: dict[str, Any], expected: Any) -> None:
    (field,) = fields
    found = getattr(request(**fields), field)
    assert (found, type(found)) == (expected, type(expected)) or found == float(expected)


@pytest.mark.parametrize("size", ["64", "64MB", "64 mb", "64Mi", "64MiB", "64M"])
def test_an_amount_may_have_the_unit_that_the_description_of_a_language_has(size: str) -> None:
    resources = request(resources={"memory_mb": size, "disk_mb": size}).resources
    assert resources is not None
    assert (resources.memory_mb, resources.disk_mb) == (64, 64)


@pytest.mark.parametrize(
    "fields",
    [
        {"timeout": "30s"},
        {"timeout": "1e1"},
        {"timeout": "0x1"},
        {"timeout": "nan"},
        {"timeout": "٣"},
        {"timeout": "9" * 16},
        {"timeout": True},
        {"timeout": ""},
        {"ttl_seconds": "1.5"},
        {"ttl_seconds": "60MB"},
        {"resources": {"memory_mb": "1GB"}},
        {"resources": {"cpu": "500m"}},
        {"resources": ["cpu"]},
        {"code": 1},
        {"language": 1},
        {"entry": 1},
        {"files": [{"path": 1, "content": ""}]},
        {"files": [{"path": "a", "content": 1}]},
        {"output_files": [1]},
        {"args": "a"},
        {"args": [None]},
        {"args": [[]]},
        {"stdin": {}},
        {"environment": {"A": {}}},
        {"merge_output": "yes"},
        {"merge_output": 2},
        {"merge_output": []},
    ],
)
def test_a_value_without_a_clear_meaning_is_rejected(fields: dict[str, Any]) -> None:
    (field,) = fields
    with pytest.raises(InvalidRequestError, match=f"^{field}"):
        request(**fields)


def test_an_infinite_number_is_not_the_text_of_a_program() -> None:
    with pytest.raises(InvalidRequestError, match=r"^stdin: must be a string$"):
        made.execute_request(b'{"code": "1", "language": "python", "stdin": 1e999}')


def test_at_most_ten_converted_values_are_named() -> None:
    raw = json.dumps(HELLO | {"args": [1] * 12, "colour": 1}).encode()
    warnings = made.execute_request(raw)[1]
    assert len(warnings) == 12
    assert warnings[9:] == (
        "args[9]: must be a string, converted",
        "and 2 more values, converted",
        "colour: unknown field, ignored",
    )


def test_the_times_of_a_session_are_converted() -> None:
    raw = b'{"language": "python", "idle_timeout": "60", "lifetime": 120.0}'
    session, warnings = made.session_request(raw)
    assert (session.idle_timeout, session.lifetime) == (60, 120)
    assert warnings == ("idle_timeout: must be an integer, converted",)
