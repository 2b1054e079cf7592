"""Exact parsing of Kubernetes quantities."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal
from typing import Annotated

from pydantic import Field

# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    **{suffix: Decimal(1000**n) for n, suffix in enumerate("kMGTPE", 1)},
    **{f"{suffix}i": Decimal(1024**n) for n, suffix in enumerate("KMGTPE", 1)},
}
_ANY = re.compile(r"([0-9]{1,30}(?:\.[0-9]{0,9})?)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?")

PATTERN = r"^[0-9]{1,12}(\.[0-9]{1,3})?(m|k|M|G|Ki|Mi|Gi)?$"
"""The quantities that resources of Cloche may contain. Others make no sense for a sandbox."""

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
"""A Kubernetes quantity as in YAML: 1, "500m", "512Mi"."""


class InvalidQuantityError(ValueError):
    """The text is not a quantity that Cloche can parse."""


def parse(quantity: str | int) -> Decimal:
    """Return a quantity's value in its base unit (cores or bytes).

    Anything that Kubernetes writes is accepted: a node's memory may be any quantity of 0 or more.

    Raises:
        InvalidQuantityError: it is not such a quantity.
    """
    if not (match := _ANY.fullmatch(str(quantity))):
        raise InvalidQuantityError(f"{quantity!r} is not a quantity such as 500m, 1, 512Mi or 2Gi")
    number, suffix = match[1], match[2] or ""
    if suffix in _SUFFIXES:
        return Decimal(number) * _SUFFIXES[suffix]
    return Decimal(number + suffix)


def whole(quantity: str | int) -> int:
    """Return a quantity in its base unit, rounded up to an integer: bytes of memory or disk."""
    return int(parse(quantity).to_integral_value(ROUND_CEILING))
