"""Amounts of CPU, memory and disk."""

from __future__ import annotations

from pydantic import ConfigDict

from cloche_api.model import Resource, rules
from cloche_api.quantity import Quantity

_AMOUNT_RULES = rules(
    *(
        (
            f"!has(self.{name}) || quantity(string(self.{name})).isGreaterThan(quantity('0'))",
            f"{name} must be more than 0",
        )
        for name in ("cpu", "memory", "disk")
    ),
    (
        (
            "!has(self.disk) || !has(self.memory) || "
            "quantity(string(self.disk)).compareTo(quantity(string(self.memory))) <= 0"
        ),
        "disk must not be more than memory, for the working directory lies in memory",
    ),
)


class ResourceAmounts(Resource):
    """Amounts of what a program may use."""

    model_config = ConfigDict(json_schema_extra=_AMOUNT_RULES)

    cpu: Quantity | None = None
    """Cores, e.g. 1 or 500m."""
    memory: Quantity | None = None
    """Memory, e.g. 512Mi. What is written to the working directory counts as memory too."""
    disk: Quantity | None = None
    """Size of the working directory, e.g. 100Mi. It is memory, so no more than `memory`."""


class UsedResources(Resource):
    """The limits that the program really had."""

    model_config = ConfigDict(json_schema_extra=_AMOUNT_RULES)

    cpu: Quantity
    """Cores."""
    memory: Quantity
    """Memory."""
    disk: Quantity
    """Size of the working directory."""
