"""The types of resources as JSON, generated from the models for code that uses plain dicts."""

from __future__ import annotations

import textwrap
from datetime import datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from cloche_api.resources.execution import ExecutionSpec
from cloche_api.resources.execution_status import ExecutionStatus
from cloche_api.resources.runtime import RuntimeSpec, RuntimeStatus
from cloche_api.resources.session import SessionSpec, SessionStatus
from cloche_api.resources.source import SourceSpec
from cloche_api.resources.tombstone import TombstoneSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_COLUMNS = 100
_STATUSES = '''"""Statuses as JSON. Generated from the models by `make crds`. Do not edit."""

from __future__ import annotations

from typing import NotRequired, TypedDict
'''
_OBJECTS = '''\
"""Resources and specs as JSON. Generated from the models by `make crds`. Do not edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, TypedDict

if TYPE_CHECKING:
    from cloche_api.resources.metadata import ObjectMeta
    from cloche_api.resources.typed_dicts import (
{}
    )
'''
_KINDS: dict[str, tuple[type[BaseModel], type[BaseModel] | None]] = {
    "Execution": (ExecutionSpec, ExecutionStatus),
    "Runtime": (RuntimeSpec, RuntimeStatus),
    "Session": (SessionSpec, SessionStatus),
    "Source": (SourceSpec, None),
    "Tombstone": (TombstoneSpec, None),
}
"""Spec and status of each resource."""


def sources() -> dict[str, str]:
    """Return the file names and texts of the modules: one of statuses, one of whole resources."""
    statuses = _all_of(status for _, status in _KINDS.values() if status is not None)
    specs = [m for m in _all_of(spec for spec, _ in _KINDS.values()) if m not in statuses]
    roots = [status for _, status in _KINDS.values() if status is not None]
    nested = {inner for model in specs for inner in _inner(model) if inner in statuses}
    imported = sorted(f"        {model.__name__}Dict," for model in (*roots, *nested))
    objects = [_object(name, *models) for name, models in _KINDS.items()]
    return {
        "typed_dicts.py": "\n\n".join([_STATUSES, *map(_typed_dict, statuses)]),
        "typed_objects.py": "\n\n".join(
            [_OBJECTS.format("\n".join(imported)), *map(_typed_dict, specs), *objects]
        ),
    }


def _all_of(models: Iterable[type[BaseModel]]) -> list[type[BaseModel]]:
    """Return these models and those of their fields, once each, used before using."""
    return list(dict.fromkeys(one for model in models for one in _of(model)))


def _of(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield the models of a model's fields, then the model itself."""
    for inner in _inner(model):
        yield from _of(inner)
    yield model


def _inner(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield the models of a model's own fields."""
    for field in model.model_fields.values():
        yield from _models(field.annotation)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _typed_dict(model: type[BaseModel]) -> str:
    sentence = (model.__doc__ or "").split(". ", maxsplit=1)[0].strip().rstrip(".") + "."
    lines = [f"class {model.__name__}Dict(TypedDict):", *_docstring(sentence), ""]
    for name, field in model.model_fields.items():
        kind = _kind(field.annotation)
        kind = kind if field.is_required() else f"NotRequired[{kind}]"
        lines += [f"    {field.alias or name}: {kind}", *_docstring(field.description or "")]
    return "\n".join(lines) + "\n"


def _object(name: str, spec: type[BaseModel], status: type[BaseModel] | None) -> str:
    lines = [
        f"class {name}Dict(TypedDict):",
        f'    """A Sandbox{name}, as the API server returns it."""',
        "",
        "    metadata: ObjectMeta",
        f"    spec: {spec.__name__}Dict",
    ]
    if status is not None:
        lines.append(f"    status: NotRequired[{status.__name__}Dict]")
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
