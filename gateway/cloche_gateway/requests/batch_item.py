"""A request of a batch, which is validated apart from the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from pydantic import ValidationError
from pydantic_core import core_schema

from cloche_api import limits
from cloche_gateway.errors import GatewayError, shown
from cloche_gateway.models import ExecuteRequest
from cloche_gateway.requests import body, lenient, mistakes
from cloche_gateway.requests.body import NONE_UNKNOWN, Unknown

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

_WHAT = "the request"


@dataclass(slots=True)
class BatchItem:
    """One request of a batch: either `request`, or `refused` with the error message.

    `language` and `session_id` are as the client sent them, and are used in the response.

    The message is kept instead of the exception, because the exception's traceback would keep the
    parsed body in memory for as long as the batch runs.

    To pydantic and in the OpenAPI document, it is an ExecuteRequest.
    """

    request: ExecuteRequest | None
    refused: str | None
    language: str | None
    session_id: str | None
    unknown: Unknown = NONE_UNKNOWN
    warnings: tuple[str, ...] = ()

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _: type[Any], handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Return the schema of an ExecuteRequest whose mistakes do not fail the batch."""
        request = handler.generate_schema(ExecuteRequest)
        return core_schema.no_info_wrap_validator_function(cls._validated, request)

    @classmethod
    def _validated(cls, value: Any, handler: core_schema.ValidatorFunctionWrapHandler) -> Self:
        if isinstance(value, cls):
            return value
        asked = value if isinstance(value, dict) else {}
        words = _word(asked.get("language")), _word(asked.get("session_id"))
        unknown = NONE_UNKNOWN
        try:
            if body.count(value) > body.VALUES:
                raise body.too_many(_WHAT, body.VALUES)
            unknown = body.take_unknown(value, ExecuteRequest)
            request, unknown = cls._request(value, handler, unknown)
            return cls(request, None, *words, unknown)
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
            return cls(None, str(mistakes.of_body(details, unknown, _WHAT)), *words)
        except GatewayError as error:
            return cls(None, str(error), *words)

    @staticmethod
    def _request(
        value: Any, handler: core_schema.ValidatorFunctionWrapHandler, unknown: Unknown
    ) -> tuple[ExecuteRequest, Unknown]:
        """Return the request, after a conversion of values if that makes it valid.

        Raises:
            ValidationError: it is not valid.
        """
        try:
            return handler(value), unknown
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
            converted = lenient.convert(value, ExecuteRequest, details)
            if not converted:
                raise
        return handler(value), mistakes.noted(converted, unknown)

    def checked(self, *, strict: bool) -> BatchItem:
        """Return the item with its warnings or, if `strict`, refused for what they are about."""
        if strict and self.unknown.needs_leniency:
            return replace(self, request=None, refused=str(mistakes.of_body((), self.unknown)))
        return replace(self, warnings=self.unknown.warnings())


def _word(value: Any) -> str | None:
    if not isinstance(value, str) or not value:
        return None
    return value if len(value) <= limits.SESSION_ID_CHARACTERS else shown(value)
