"""The annotation of a submission: its bound, and what another client may have written."""

from __future__ import annotations

from typing import Any

import pytest

from cloche_api.accounting.size import json_bytes
from cloche_gateway.dialects.judge0 import facts
from cloche_gateway.dialects.judge0.facts import BYTES, Facts
from cloche_gateway.dialects.judge0.values import FLAGS, RANGES

NAME = "cloche.dev/judge0"


def kept(made: Facts) -> Facts:
    found = facts.of({NAME: made.text()})
    assert found is not None
    return found


@pytest.mark.parametrize(
    "made",
    [
        facts.made(71, {}, None),
        facts.made(71, {"cpu_time_limit": 0.5, "redirect_stderr_to_stdout": True}, "ä\n"),
        facts.made(54, {"memory_limit": 64000}, "x" * 10_000),
        facts.made(54, {}, ""),
    ],
)
def test_the_annotation_has_all_facts(made: Facts) -> None:
    assert kept(made) == made


@pytest.mark.parametrize(
    "expected",
    ["", "x" * 500, "x" * 1100, "ä" * 600, "\n" * 400, '\0"\\' * 200, "\ufffd" * 100_000],
)
def test_the_annotation_is_bounded(expected: str) -> None:
    everything = {name: allowed.most for name, allowed in RANGES.items()}
    made = facts.made(113, {**everything, **dict.fromkeys(FLAGS, True)}, expected)
    assert json_bytes(made.text()) <= BYTES
    assert made.accepts(expected + " \n\n")
    assert not made.accepts(expected + "y")


def test_a_short_expected_output_is_kept_and_a_long_one_only_as_its_hash() -> None:
    assert facts.made(71, {}, "3\n").expected == "3\n"
    long = facts.made(71, {}, "3\n" * 2000)
    assert long.expected is None
    assert long.expected_sha256 is not None


@pytest.mark.parametrize("size", [1, 5000])
@pytest.mark.parametrize(
    ("expected", "stdout", "accepted"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\nb", "a \t\nb\r\n\n \n", True),
        ("a\r\nb", "a\nb", True),
        ("a\n\nb", "a\nb", False),
        ("a", " a", False),
        ("a", "A", False),
        ("a b", "a  b", False),
        ("a", "a\xa0", False),
    ],
)
def test_spaces_at_the_ends_of_lines_do_not_count(
    size: int, expected: str, stdout: str, *, accepted: bool
) -> None:
    before = "x" * size + "\n"
    assert facts.made(71, {}, before + expected).accepts(before + stdout) is accepted


def test_everything_is_accepted_without_an_expected_output() -> None:
    assert facts.made(71, {}, None).accepts("anything")
    assert not facts.made(71, {}, "").accepts("anything")


def test_values_that_were_not_given_are_the_defaults() -> None:
    made = facts.made(71, {"cpu_time_limit": 0, "enable_network": False}, None)
    assert made.value("cpu_time_limit") == 0
    assert made.value("wall_time_limit") == 10.0
    assert made.value("redirect_stderr_to_stdout") is False


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "{}", "71", "null", '{"language_id":"71"}', '{"language_id":true}',
        '{"language_id":71,"given":[1]}', '{"language_id":71,"given":{"other":1}}',
        '{"language_id":71,"given":{"cpu_time_limit":"1"}}',
        '{"language_id":71,"expected_output":1}', '{"language_id":71,"expected_sha256":[]}',
        "[" * 100_000,
    ],
)  # fmt: skip
def test_an_annotation_of_another_client_is_not_a_submission(text: str) -> None:
    assert facts.of({NAME: text}) is None


def test_an_execution_without_the_annotation_is_not_a_submission() -> None:
    other: dict[str, Any] = {"cloche.dev/request-id": "x"}
    assert facts.of(other) is None
