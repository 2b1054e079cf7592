"""Parameters as Judge0 reads them: strings for numbers and flags, and ranges."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from cloche_gateway.dialects.judge0 import values


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("x", "x"), ("", ""), (None, None), (5, "5"), (1.5, "1.5"), (True, "t"), (False, "f"),
        ([], None), ({}, None),
    ],
)  # fmt: skip
def test_a_text_can_be_another_scalar(given: Any, expected: str | None) -> None:
    assert values.text(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (True, True), (False, False), (1, True), (0, False), ("true", True), ("yes", True),
        ("false", False), ("0", False), ("off", False), ("", None), (None, None), ([1], None),
    ],
)  # fmt: skip
def test_a_flag_can_be_a_text_or_a_number(given: Any, *, expected: bool | None) -> None:
    assert values.flag(given) is expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (71, 71), (2.5, 2.5), ("71", 71), (" 2.50 ", 2.5), ("1e3", 1000), ("-1", -1), (".5", 0.5),
        (None, None), ("", None), ("  ", None), ([], None), ({}, None),
    ],
)  # fmt: skip
def test_a_number_can_be_a_text(given: Any, expected: float | None) -> None:
    assert values.number(given) == expected


@pytest.mark.parametrize(
    "given", ["abc", "1x", "0x10", "1 2", "nan", "inf", "1e1234", "1" * 41, True, "٣"]
)
def test_what_is_not_a_number_is_an_error(given: Any) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        values.number(given)


@pytest.mark.parametrize(
    ("name", "given", "sentence"),
    [
        ("number_of_runs", 0, "must be greater than 0"),
        ("number_of_runs", 21, "must be less than or equal to 20"),
        ("cpu_time_limit", -1, "must be greater than or equal to 0"),
        ("wall_time_limit", 0.5, "must be greater than or equal to 1"),
        ("wall_time_limit", 241, "must be less than or equal to 240.0"),
        ("wall_time_limit", float("inf"), "must be less than or equal to 240.0"),
        ("memory_limit", 2047, "must be greater than or equal to 2048"),
        ("memory_limit", 10**300, "must be less than or equal to 2097152"),
        ("memory_limit", "-1e999", "must be greater than or equal to 2048"),
        ("max_file_size", "large", "is not a number"),
    ],
)
def test_a_number_out_of_range_has_the_sentence_of_judge0(
    name: str, given: Any, sentence: str
) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the sentence is compared
        values.ranged(name, given)
    assert str(caught.value) == sentence


def test_sizes_are_integers_and_times_are_not() -> None:
    assert values.ranged("memory_limit", 128000.7) == 128000
    assert values.ranged("cpu_time_limit", "0.5") == 0.5
    assert values.ranged("wall_time_limit", None) is None


@pytest.mark.parametrize("raw", [b"", b"a", b"ab", b"abc", bytes(range(256))])
def test_base64_is_decoded_with_and_without_padding_and_line_breaks(raw: bytes) -> None:
    text = base64.encodebytes(raw).decode()
    assert values.decoded(text) == raw
    assert values.decoded(text.replace("=", "")) == raw


@pytest.mark.parametrize(
    ("given", "expected"),
    [("YQ==YQ==", b"a"), ("Y", b""), ("YWJjZ", b"abc"), ("!Y*Q-_ä", b"a"), ("====", b"")],
)
def test_damaged_base64_is_decoded_as_far_as_it_goes(given: str, expected: bytes) -> None:
    assert values.decoded(given) == expected
