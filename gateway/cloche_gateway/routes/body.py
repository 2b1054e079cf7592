"""A request's body, bounded in bytes, memory and time before anybody looks into it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from starlette.requests import ClientDisconnect

from cloche_gateway.errors import ClientGoneError, InvalidRequestError, TooLargeError
from cloche_gateway.routes.access import context_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from cloche_api.budget import Charge

BODY_BYTES = 4 * 1024 * 1024
"""700 KiB of content may be six times as long when every character is escaped."""
_AT_ONCE_BYTES = 64 * 1024
"""A body of this size takes less than 10 ms, whatever is in it; a larger one is read in a thread,
where the event loop has its turn every 5 ms (sys.getswitchinterval) and after each pass over the
body, of which none takes more than 30 ms."""

_Parsed = TypeVar("_Parsed")


async def parsed(request: Request, charge: Charge, parse: Callable[[bytes], _Parsed]) -> _Parsed:
    """Read the body of a request that must be JSON, and make of it what `parse` does.

    The charge holds the body's bytes as they come, and still does afterwards.

    Raises:
        InvalidRequestError: when it is of another type, is packed, or does not arrive in time.
        TooLargeError: when it has more than `BODY_BYTES`; what is left is not read.
        OverloadedError: there is no room for it.
        ClientGoneError: when the client went away in the middle.
        GatewayError: as `parse`.
    """
    context = context_of(request)
    body = await _read(request, charge, context.settings.body_timeout_seconds)
    if len(body) <= _AT_ONCE_BYTES:
        return parse(body)
    return await asyncio.get_running_loop().run_in_executor(context.parser, parse, body)


async def _read(request: Request, charge: Charge, seconds: float) -> bytes:
    kind = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
    if kind != "application/json":
        raise InvalidRequestError("Content-Type", "must be application/json")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        # What is packed small may be any size once it is unpacked.
        raise InvalidRequestError("Content-Encoding", "must be identity: bodies are not unpacked")
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > BODY_BYTES:
        raise _too_large()
    body = bytearray()  # a list of its parts would take 40 bytes for one that comes byte by byte
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                if len(body) + len(part) > BODY_BYTES:
                    raise _too_large()
                charge.resize(len(body) + len(part))
                body += part
    except TimeoutError:
        raise InvalidRequestError("body", f"did not arrive within {seconds:g} seconds") from None
    except ClientDisconnect:
        raise ClientGoneError from None
    return bytes(body)


def _too_large() -> TooLargeError:
    return TooLargeError(f"body: must be at most {BODY_BYTES // 1024**2} MiB")
