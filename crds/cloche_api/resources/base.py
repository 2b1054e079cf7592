"""The base of the models of all resources."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

_Word = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
CommandLine = Annotated[list[_Word], Field(min_length=1, max_length=64)]
"""A program and its arguments."""


class Resource(BaseModel):
    """A part of a resource: camelCase on the wire, documented by the attributes' docstrings.

    Unknown fields are ignored when reading, for the API server has pruned or refused them by the
    schema that it has, which may be newer than this program.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        use_attribute_docstrings=True,
        extra="ignore",
    )


def rules(*pairs: tuple[str, str]) -> dict[str, Any]:
    """Return the CEL rules of a schema. Each pair is a rule and the message that users read."""
    return {
        "x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in pairs]
    }
