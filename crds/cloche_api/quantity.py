"""Kubernetes quantities, read exactly."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal
from typing import Annotated

from pydantic import Field

# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
# without exponents and the suffixes that make no sense for a sandbox.
_SUFFIXES = {
    "m": Decimal("0.001"),
    "": Decimal(1),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
}
PATTERN = r"^[0-9]{1,12}(\.[0-9]{1,3})?(m|k|M|G|Ki|Mi|Gi)?$"

Quantity = Annotated[
    str | int,
    Field(
        json_schema_extra={
            "x-kubernetes-int-or-string": True,
            "pattern": PATTERN,
            "maxLength": 20,
        }
    ),
]
"""A Kubernetes quantity as it stands in YAML: 1, "500m", "512Mi"."""


class InvalidQuantityError(ValueError):
    """The text is no quantity that Cloche understands."""


def parse(quantity: str | int) -> Decimal:
    """The quantity's value in its base unit (cores or bytes).

    Raises:
        InvalidQuantityError: when it is no such quantity.
    """
    text = str(quantity)
    if not re.fullmatch(PATTERN, text):
        raise InvalidQuantityError(f"{text!r} is not a quantity such as 500m, 1, 512Mi or 2Gi")
    number = text.rstrip("mkKMGi")
    return Decimal(number) * _SUFFIXES[text[len(number) :]]


def whole(quantity: str | int) -> int:
    """The quantity in its base unit, rounded up to a whole one: bytes of memory or disk."""
    return int(parse(quantity).to_integral_value(ROUND_CEILING))
