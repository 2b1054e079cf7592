"""Read the fields of a dialect's request, and build the request that Cloche runs from them.

Bodies of dialects are not models, because their rules, the order in which they are checked, and the
words of their mistakes are those of the other system.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cloche_gateway.errors import InvalidRequestError
from cloche_gateway.models import ExecuteRequest, InputFile
from cloche_gateway.requests import mistakes

if TYPE_CHECKING:
    from collections.abc import Mapping


def object_of(body: Any) -> Mapping[str, Any]:
    """Return the body, which must be an object.

    Raises:
        InvalidRequestError: it is none.
    """
    if not isinstance(body, dict):
        raise InvalidRequestError("body", "must be a JSON object")
    return body


def execute_request(**fields: Any) -> ExecuteRequest:
    """Return the request with these fields. `files` are `InputFile` objects or None.

    Raises:
        GatewayError: a value breaks a rule of Cloche's own API. The message names both.
    """
    try:
        return ExecuteRequest(**fields)
    except ValidationError as error:
        raise mistakes.of_body(error.errors(include_url=False)) from None


def text_file(path: str, content: str) -> InputFile:
    """Return a text file for the working directory."""
    return InputFile(path=path, content=content)


def base64_file(path: str, content: str) -> InputFile:
    """Return a file for the working directory, from its content in base64."""
    return InputFile(path=path, content_base64=content)
