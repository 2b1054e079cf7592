"""Kubernetes conditions."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from cloche_api.model import Resource


class ConditionStatus(StrEnum):
    """Kubernetes' three values of a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Resource):
    """A Kubernetes condition (metav1.Condition)."""

    type: str = Field(max_length=316)
    """What it is about, CamelCase."""
    status: ConditionStatus
    """Whether it holds."""
    reason: str = Field(max_length=1024)
    """Why, CamelCase."""
    message: str = Field(max_length=32768)
    """Why, in words."""
    last_transition_time: datetime
    """Since when."""
    observed_generation: int | None = Field(default=None, ge=0)
    """Which generation of the object it was read from."""


Conditions = Annotated[
    list[Condition],
    Field(
        max_length=8,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    ),
]
