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
        "disk must not be more than memory, because the working directory is in memory",
    ),
)


class ResourceAmounts(Resource):
    """CPU, memory and disk for a program."""

    model_config = ConfigDict(json_schema_extra=_AMOUNT_RULES)

    cpu: Quantity | None = None
    """CPU in cores, for example 1 or 500m."""
    memory: Quantity | None = None
    """Memory, for example 512Mi. Files in the working directory count as memory."""
    disk: Quantity | None = None
    """Size limit of the working directory, for example 100Mi. The working directory is in
    memory, so `disk` must not be more than `memory`."""


class UsedResources(Resource):
    """CPU, memory and disk, each with a value."""

    model_config = ConfigDict(json_schema_extra=_AMOUNT_RULES)

    cpu: Quantity
    """CPU in cores."""
    memory: Quantity
    """Memory, including the files in the working directory."""
    disk: Quantity
    """Size limit of the working directory."""
