"""Kubernetes conditions."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from cloche_api.resources.base import Resource


class ConditionStatus(StrEnum):
    """The values of a condition's status in Kubernetes."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Resource):
    """A Kubernetes condition (metav1.Condition)."""

    type: str = Field(max_length=316)
    """Type of the condition in CamelCase."""
    status: ConditionStatus
    """Status of the condition: True, False or Unknown."""
    reason: str = Field(max_length=1024)
    """Reason for the last transition in CamelCase."""
    message: str = Field(max_length=32768)
    """Details of the last transition in human-readable form."""
    last_transition_time: datetime
    """Last time at which the condition changed from one status to another."""
    observed_generation: int | None = Field(default=None, ge=0)
    """The metadata.generation that the condition was set for."""


Conditions = Annotated[
    list[Condition],
    Field(
        max_length=8,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    ),
]
