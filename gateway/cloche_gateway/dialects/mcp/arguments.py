"""Read the arguments of tools into the requests of Cloche's own API.

Their rules are those of that API, and so are the messages for mistakes, which models can correct.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cloche_gateway.dialects.fields import execute_request
from cloche_gateway.dialects.mcp import tools
from cloche_gateway.errors import shown
from cloche_gateway.requests import mistakes
from cloche_gateway.session_models import SessionRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloche_gateway.models import ExecuteRequest

_UNKNOWN_NAMED = 5
"""The number of unknown arguments that an answer names."""
_FILE = ("path", "content", "content_base64")


def execution(arguments: Mapping[str, Any]) -> ExecuteRequest:
    """Return the request of a call of `execute_code`. Its language must be set.

    An empty session id counts as absent, and so does an empty content of a file that has the other
    kind of content too, because models send empty texts for optional arguments.

    Raises:
        GatewayError: an argument breaks a rule of Cloche's API. The message names both.
    """
    fields = _known(tools.EXECUTE, arguments)
    if fields.get("session_id") == "":
        del fields["session_id"]
    if isinstance(fields.get("files"), list):
        fields["files"] = [_file(one) for one in fields["files"]]
    return execute_request(**fields)


def session(arguments: Mapping[str, Any]) -> SessionRequest:
    """Return the request of a call of `create_session`. Its language must be set.

    Raises:
        GatewayError: as `execution`.
    """
    try:
        return SessionRequest.model_validate(_known(tools.CREATE, arguments))
    except ValidationError as error:
        raise mistakes.of_body(error.errors(include_url=False)) from None


def unknown(tool: str, arguments: Mapping[str, Any]) -> list[str]:
    """Return the names of the first unknown arguments of a call.

    They are ignored, because clients such as n8n add some. The answer names them,
    because a name may be misspelled.
    """
    known = tools.ARGUMENTS[tool]
    found = [name for name in arguments if name not in known][:_UNKNOWN_NAMED]
    return [shown(name).encode("utf-8", "replace").decode() for name in found]


def _known(tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: arguments[name] for name in tools.ARGUMENTS[tool] if name in arguments}


def _file(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    kept = {name: value[name] for name in _FILE if name in value}
    for name, other in (("content_base64", "content"), ("content", "content_base64")):
        if other in kept and not kept.get(name, True):
            del kept[name]
    return kept
