"""Each field and parameter that can be out of range has the rule that its error message names."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from support.data.openapi import operations

from cloche_gateway.errors import InvalidRequestError
from cloche_gateway.models import ExecuteRequest, InputFile, Resources
from cloche_gateway.requests import mistakes, queries
from cloche_gateway.session_models import SessionRequest

MODELS: tuple[type[BaseModel], ...] = (ExecuteRequest, SessionRequest, InputFile, Resources)


def schemas(model: type[BaseModel]) -> dict[str, dict[str, Any]]:
    """The JSON schema of each field, without its alternative null."""
    found = {}
    for name, schema in model.model_json_schema()["properties"].items():
        found[name] = next((one for one in schema.get("anyOf", [schema])), schema)
    return found


BOUNDED = {
    (model, name): schema
    for model in MODELS
    for name, schema in schemas(model).items()
    if {"minimum", "maximum"} & schema.keys()
}


@pytest.mark.parametrize(
    ("model", "field"), BOUNDED, ids=[f"{model.__name__}.{field}" for model, field in BOUNDED]
)
def test_a_number_out_of_range_is_answered_with_the_range(
    model: type[BaseModel], field: str
) -> None:
    least, most = (BOUNDED[model, field][bound] for bound in ("minimum", "maximum"))
    for wrong in (least - 1, most + 1):
        with pytest.raises(ValidationError) as caught:
            model.model_validate({"code": "", "language": "python", field: wrong})
        error = mistakes.of_body(caught.value.errors())
        assert isinstance(error, InvalidRequestError)
        assert str(error) == f"{field}: must be between {least} and {most}"


PARAMETERS = {
    one["name"]: one["schema"]
    for operation in operations().values()
    for one in operation.get("parameters", [])
    if one["in"] != "path"
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_that_can_be_invalid_has_a_rule(name: str) -> None:
    free = {"type": "string"}.items() >= {
        (key, str(value))
        for key, value in PARAMETERS[name].items()
        if key not in {"title", "description", "default"}
    }
    assert free or name in queries.RULES


def test_each_rule_is_of_a_parameter() -> None:
    assert set(queries.RULES) <= set(PARAMETERS)
