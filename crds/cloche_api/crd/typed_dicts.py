"""The types of statuses as JSON, generated from the models for code that uses plain dicts."""

from __future__ import annotations

import textwrap
from datetime import datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from cloche_api.resources.execution_status import ExecutionStatus
from cloche_api.resources.runtime import RuntimeStatus
from cloche_api.resources.session import SessionStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLUMNS = 100
_HEAD = '''"""Statuses as JSON. Generated from the models by `make crds`. Do not edit."""

from __future__ import annotations

from typing import NotRequired, TypedDict
'''


def source() -> str:
    """Return the text of the module `typed_dicts`: a TypedDict for each model of a status."""
    models = dict.fromkeys(
        model for status in (ExecutionStatus, RuntimeStatus, SessionStatus) for model in _of(status)
    )
    return "\n\n".join([_HEAD, *map(_typed_dict, models)])


def _of(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield the models of a model's fields, then the model itself."""
    for field in model.model_fields.values():
        for inner in _models(field.annotation):
            yield from _of(inner)
    yield model


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _typed_dict(model: type[BaseModel]) -> str:
    lines = [f"class {model.__name__}Dict(TypedDict):", *_docstring(model.__doc__ or ""), ""]
    for name, field in model.model_fields.items():
        kind = _kind(field.annotation)
        kind = kind if field.is_required() else f"NotRequired[{kind}]"
        lines += [f"    {field.alias or name}: {kind}", *_docstring(field.description or "")]
    return "\n".join(lines) + "\n"


def _docstring(text: str) -> list[str]:
    first = " ".join(text.split("\n\n", maxsplit=1)[0].split())
    return textwrap.wrap(
        f'"""{first}"""',
        _COLUMNS,
        initial_indent="    ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _kind(annotation: Any) -> str:
    """Return the type of a field's JSON value."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(arguments[0])
    if origin in (Union, UnionType):
        return " | ".join(_kind(one) for one in arguments if one is not NoneType)
    if origin in (list, dict):
        return f"{origin.__name__}[{', '.join(map(_kind, arguments))}]"
    if issubclass(annotation, BaseModel):
        return f"{annotation.__name__}Dict"
    if issubclass(annotation, (StrEnum, datetime)):
        return "str"
    return str(annotation.__name__)
