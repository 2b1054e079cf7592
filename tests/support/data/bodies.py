"""Parse and validate request bodies as a route does, without an HTTP request."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from cloche_gateway.errors import BATCH_ITEMS_MAX
from cloche_gateway.models import Body, ExecuteRequest
from cloche_gateway.requests import body, lenient, mistakes
from cloche_gateway.requests.batch_item import BatchItem
from cloche_gateway.session_models import SessionRequest

_Body = TypeVar("_Body", bound=Body)
_BATCH = TypeAdapter(Annotated[list[BatchItem], Field(min_length=1, max_length=BATCH_ITEMS_MAX)])


def execute_request(raw: bytes, *, strict: bool = False) -> tuple[ExecuteRequest, tuple[str, ...]]:
    """Return the request of a body, and the warnings of the answer."""
    return _model(raw, ExecuteRequest, strict=strict)


def session_request(raw: bytes, *, strict: bool = False) -> tuple[SessionRequest, tuple[str, ...]]:
    """Return the request of a body, and the warnings of the answer."""
    return _model(raw, SessionRequest, strict=strict)


def batch(raw: bytes, *, strict: bool = False) -> list[BatchItem]:
    """Return the items of a body."""
    items = _validated(_BATCH, body.parse(raw, BATCH_ITEMS_MAX), body.NONE_UNKNOWN)
    return [item.checked(strict=strict) for item in items]


def _model(raw: bytes, kind: type[_Body], *, strict: bool) -> tuple[_Body, tuple[str, ...]]:
    value = body.parse(raw)
    unknown = body.take_unknown(value, kind)
    made, unknown = _converted(TypeAdapter(kind), value, kind, unknown)
    if strict and unknown.needs_leniency:
        raise mistakes.of_body((), unknown)
    return made, unknown.warnings()


def _converted(
    adapter: TypeAdapter[_Body], value: Any, kind: type[_Body], unknown: body.Unknown
) -> tuple[_Body, body.Unknown]:
    try:
        return adapter.validate_python(value, from_attributes=True), unknown
    except ValidationError as error:
        if converted := lenient.convert(value, kind, error.errors()):
            unknown = mistakes.noted(converted, unknown)
    return _validated(adapter, value, unknown), unknown


def _validated(adapter: TypeAdapter[Any], value: Any, unknown: body.Unknown) -> Any:
    try:
        return adapter.validate_python(value, from_attributes=True)  # as FastAPI does
    except ValidationError as error:
        raise mistakes.of_body(error.errors(), unknown) from None
