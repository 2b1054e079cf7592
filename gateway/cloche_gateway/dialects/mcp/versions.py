"""Revisions of MCP: which one a request is in, and the checks of its headers and metadata.

Since 2026-07-28 each request has its revision in its metadata and repeats it, its method and what
it names in HTTP headers. Before, a client asks for a revision in its first request (`initialize`).

Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http.
"""

from __future__ import annotations

import base64
import binascii
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from cloche_gateway.dialects.mcp.wire import Code, Message, ProtocolError
from cloche_gateway.errors import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.datastructures import Headers

MODERN = "2026-07-28"
LEGACY = ("2025-11-25", "2025-06-18", "2025-03-26")
SERVED = (MODERN, *LEGACY)
HANDSHAKE = "initialize"

_VERSION_META = "io.modelcontextprotocol/protocolVersion"
_CAPABILITIES_META = "io.modelcontextprotocol/clientCapabilities"
_VERSION_HEADER, _METHOD_HEADER, _NAME_HEADER = "MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"
_NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""The parameter that the header Mcp-Name repeats, by method."""
_ENCODED = ("=?base64?", "?=")


class Era(Enum):
    """What the revisions of a time have in common."""

    LEGACY = auto()
    """A handshake, and no checks of headers."""
    MODERN = auto()
    """Metadata in each request."""


def era_of_headers(headers: Headers) -> Era:
    """Return the era of a message that has no metadata."""
    return Era.MODERN if _header(headers, _VERSION_HEADER) == MODERN else Era.LEGACY


def era_of(message: Message, headers: Headers) -> Era:
    """Return the era of a request.

    A client that sends the header of the newest revision with the handshake of an older one is
    served as its body requires.
    """
    if _VERSION_META in message.meta:
        return Era.LEGACY if message.meta[_VERSION_META] in LEGACY else Era.MODERN
    if message.method == HANDSHAKE:
        return Era.LEGACY
    return era_of_headers(headers)


def check(era: Era, message: Message, headers: Headers) -> None:
    """Check the metadata and the headers of a request.

    Raises:
        ProtocolError: they are missing, do not match, or name a revision that is not served.
    """
    if era is Era.MODERN:
        version = _metadata(message.meta)
        _compare(_VERSION_HEADER, _header(headers, _VERSION_HEADER), version)
        _compare(_METHOD_HEADER, _header(headers, _METHOD_HEADER), message.method)
        if message.method in _NAMED_BY:
            name = message.params.get(_NAMED_BY[message.method])
            _compare(_NAME_HEADER, _decoded(_header(headers, _NAME_HEADER)), name)
        if version != MODERN:
            raise _unsupported(version)
        return
    given = _header(headers, _VERSION_HEADER)
    if given is not None and given not in SERVED:
        raise _unsupported(given)


def negotiated(asked: Any) -> str:
    """Return the revision for a client that asks for one in the handshake."""
    return asked if isinstance(asked, str) and asked in LEGACY else LEGACY[0]


def _metadata(meta: Mapping[str, Any]) -> str:
    """Return the revision in the metadata, which must have what each request requires."""
    version = meta.get(_VERSION_META)
    if not isinstance(version, str):
        raise _missing(_VERSION_META, "a string")
    if not isinstance(meta.get(_CAPABILITIES_META), dict):
        raise _missing(_CAPABILITIES_META, "an object")
    return version


def _missing(field: str, kind: str) -> ProtocolError:
    return ProtocolError(
        Code.INVALID_PARAMS, f"Invalid params: _meta.{field} is required, as {kind}", status=400
    )


def _header(headers: Headers, name: str) -> str | None:
    """Return the value of a header, or all its values if it is repeated."""
    return ", ".join(headers.getlist(name)).strip() if name in headers else None


def _decoded(value: str | None) -> str | None:
    """Return the text of a header that may be in base64, or None if it is not valid."""
    begin, end = _ENCODED
    if value is None or not (value.startswith(begin) and value.endswith(end)):
        return value
    try:
        return base64.b64decode(value[len(begin) : -len(end)], validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def _compare(name: str, header: str | None, body: Any) -> None:
    if header == body:
        return
    if header is None:
        problem = f"{name} is missing or cannot be decoded"
    else:
        problem = f"{name} is {shown(header)!r}, which is not what the body has"
    raise ProtocolError(Code.HEADER_MISMATCH, f"Header mismatch: {problem}", status=400)


def _unsupported(version: str) -> ProtocolError:
    requested = shown(version).encode("utf-8", "replace").decode()
    return ProtocolError(
        Code.UNSUPPORTED_VERSION,
        f"Unsupported protocol version: {requested}. Supported: {', '.join(SERVED)}",
        status=400,
        data={"supported": list(SERVED), "requested": requested},
    )
