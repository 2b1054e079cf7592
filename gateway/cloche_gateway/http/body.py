"""Read and parse a request's body, with bounds on its bytes, memory and time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from starlette.requests import ClientDisconnect

from cloche_gateway.errors import ClientGoneError, InvalidRequestError, TooLargeError
from cloche_gateway.http.access import context_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from cloche_api.accounting.budget import Charge

BODY_BYTES = 4 * 1024 * 1024
"""The largest body. 700 KiB of content can be six times as long if each character is escaped in
JSON."""
_AT_ONCE_BYTES = 64 * 1024
"""The largest body that is parsed in the event loop, which takes less than 10 ms for any content.
A larger one is parsed in a thread. The event loop then gets its turn every 5 ms
(sys.getswitchinterval), or after a pass over the body, which holds the interpreter lock for at most
30 ms."""

_Parsed = TypeVar("_Parsed")


async def parsed(request: Request, charge: Charge, parse: Callable[[bytes], _Parsed]) -> _Parsed:
    """Read the JSON body of a request and return what `parse` makes of it.

    `charge` is resized to the body's bytes while they arrive, and is not released at the end.

    Raises:
        InvalidRequestError: the body is not JSON by its Content-Type, is compressed, or did not
            arrive within `body_timeout_seconds`.
        TooLargeError: it has more than `BODY_BYTES`. The rest is not read.
        OverloadedError: the memory budget has no room for it.
        ClientGoneError: the client disconnected before its end.
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
        # A small compressed body can be of any size when decompressed.
        raise InvalidRequestError("Content-Encoding", "must be identity: bodies are not unpacked")
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > BODY_BYTES:
        raise _too_large()
    body = bytearray()  # A list of parts would cost 40 bytes for each byte that arrives alone.
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
