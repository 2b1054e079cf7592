"""The methods of MCP, each with the eras that have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from cloche_gateway import __version__
from cloche_gateway.dialects.mcp import calls, descriptions, results, tools, versions, wire
from cloche_gateway.dialects.mcp.versions import Era
from cloche_gateway.dialects.mcp.wire import Code, ProtocolError
from cloche_gateway.errors import shown
from cloche_gateway.http.request import JsonResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.datastructures import Headers
    from starlette.responses import Response

    from cloche_gateway.dialects.mcp.wire import Message
    from cloche_gateway.http.request import Call

_CALL = "tools/call"
_MINUTES_MS, _HOUR_MS = 300_000, 3_600_000
"""How long clients may keep lists, which change when an administrator installs a language, and what
changes with the version only."""
_LANGUAGES_URI = "cloche://languages"
_LANGUAGES = {
    "uri": _LANGUAGES_URI,
    "name": "languages",
    "title": "Languages",
    "description": "The installed languages with their versions and aliases.",
    "mimeType": "application/json",
}
_SERVER = {"name": "cloche", "title": "Cloche", "version": __version__}
_BOTH = (Era.MODERN, Era.LEGACY)


@dataclass(frozen=True, slots=True)
class _Method:
    """A method. `lifetime_ms`: how long clients may keep its result, if they may."""

    make: Callable[[Call, Message, Era], dict[str, Any]]
    eras: tuple[Era, ...] = _BOTH
    lifetime_ms: int | None = None


async def answer(call: Call, message: Message, headers: Headers) -> Response:
    """Return the response to a request.

    Raises:
        ProtocolError: the request is not valid.
        GatewayError: it cannot be answered now.
    """
    era = versions.era_of(message, headers)
    versions.check(era, message, headers)
    if message.method == _CALL:
        streams = "text/event-stream" in headers.get("accept", "").lower()
        return await calls.perform(call, era, message, streams=streams)
    method = _METHODS.get(message.method)
    if method is None or era not in method.eras:
        status = 404 if era is Era.MODERN else 200
        raise ProtocolError(
            Code.METHOD_NOT_FOUND, f"Method not found: {shown(message.method)}", status=status
        )
    content = method.make(call, message, era)
    if era is Era.MODERN and method.lifetime_ms is not None:
        content |= {"ttlMs": method.lifetime_ms, "cacheScope": "public"}
    return JsonResponse(wire.result(message.id, results.complete(era, content)))


def _discover(call: Call, message: Message, era: Era) -> dict[str, Any]:  # noqa: ARG001  a _Method
    return {
        "supportedVersions": list(versions.SERVED),
        "capabilities": {"tools": {}, "resources": {}},
        "instructions": descriptions.INSTRUCTIONS,
        "_meta": {"io.modelcontextprotocol/serverInfo": _SERVER},
    }


def _initialize(call: Call, message: Message, era: Era) -> dict[str, Any]:  # noqa: ARG001  a _Method
    return {
        "protocolVersion": versions.negotiated(message.params.get("protocolVersion")),
        "capabilities": {"tools": {"listChanged": False}, "resources": {}},
        "serverInfo": _SERVER,
        "instructions": descriptions.INSTRUCTIONS,
    }


def _ping(call: Call, message: Message, era: Era) -> dict[str, Any]:  # noqa: ARG001  a _Method
    return {}


def _list_tools(call: Call, message: Message, era: Era) -> dict[str, Any]:  # noqa: ARG001  a _Method
    known = call.context.languages
    return {"tools": tools.definitions([known.find(name) for name in known.supported()])}


def _list_resources(call: Call, message: Message, era: Era) -> dict[str, Any]:  # noqa: ARG001  a _Method
    return {"resources": [_LANGUAGES]}


def _list_templates(call: Call, message: Message, era: Era) -> dict[str, Any]:  # noqa: ARG001  a _Method
    return {"resourceTemplates": []}


def _read_resource(call: Call, message: Message, era: Era) -> dict[str, Any]:
    uri = message.params.get("uri")
    if not isinstance(uri, str):
        raise ProtocolError(Code.INVALID_PARAMS, "Invalid params: uri is required, as a string")
    if uri != _LANGUAGES_URI:
        raise _no_resource(uri, era)
    content = to_json(calls.languages(call)).decode()
    return {"contents": [{"uri": uri, "mimeType": "application/json", "text": content}]}


def _no_resource(uri: str, era: Era) -> ProtocolError:
    code = Code.INVALID_PARAMS if era is Era.MODERN else Code.RESOURCE_NOT_FOUND
    named = shown(uri).encode("utf-8", "replace").decode()
    return ProtocolError(code, f"Resource not found: {named}", data={"uri": named})


_METHODS: Mapping[str, _Method] = {
    "server/discover": _Method(_discover, (Era.MODERN,), _HOUR_MS),
    versions.HANDSHAKE: _Method(_initialize, (Era.LEGACY,)),
    "ping": _Method(_ping, (Era.LEGACY,)),
    "tools/list": _Method(_list_tools, lifetime_ms=_MINUTES_MS),
    "resources/list": _Method(_list_resources, lifetime_ms=_MINUTES_MS),
    "resources/templates/list": _Method(_list_templates, lifetime_ms=_MINUTES_MS),
    "resources/read": _Method(_read_resource, lifetime_ms=_MINUTES_MS),
}
