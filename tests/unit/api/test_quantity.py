"""Kubernetes quantities."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cloche_api.resources.quantity import InvalidQuantityError, parse, whole


@pytest.mark.parametrize(
    ("quantity", "value"),
    [
        ("1", 1),
        (2, 2),
        (0, 0),
        ("500m", "0.5"),
        ("1.5", "1.5"),
        ("0.001", "0.001"),
        ("1k", 1000),
        ("1Ki", 1024),
        ("512Mi", 512 * 2**20),
        ("1.5Gi", 3 * 2**29),
        ("2G", 2 * 10**9),
        # what a node may report
        ("24656132Ki", 24656132 * 1024),
        ("1Ti", 2**40),
        ("1081101176832", 1081101176832),
        (99_999_999_999_999, 99_999_999_999_999),
        ("128974848000m", 128974848),
        ("129e6", 129 * 10**6),
        ("129M", 129 * 10**6),
        ("2E", 2 * 10**18),
        ("1E3", 1000),
        ("1e-3", "0.001"),
        ("100n", "0.0000001"),
        ("5.", 5),
    ],
)
def test_a_quantity_is_parsed_to_its_value(quantity: str | int, value: str | int) -> None:
    assert parse(quantity) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    [
        *["", " ", "1 ", "1\n", "-1", "+-1", "Mi", "1mi", "1 Mi", "1Mb", "1KI", "1Zi", "0x10"],
        *["NaN", "Infinity", "1e", "1e999", "1e999999999", "1_000", "1,5", "\u0661", "9" * 31],
        *["True", "None"],
    ],
)
def test_an_invalid_quantity_is_rejected(text: str) -> None:
    with pytest.raises(InvalidQuantityError, match="is not a quantity such as"):
        parse(text)


def test_a_negative_number_is_rejected_as_a_quantity() -> None:
    with pytest.raises(InvalidQuantityError):
        parse(-1)


@pytest.mark.parametrize(
    ("quantity", "size"), [("1m", 1), ("1500m", 2), ("1Mi", 2**20), (7, 7), ("0", 0)]
)
def test_a_quantity_of_bytes_is_rounded_up(quantity: str | int, size: int) -> None:
    assert whole(quantity) == size
