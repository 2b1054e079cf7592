"""A request's body, bounded in bytes and in time before anybody looks into it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from cloche_gateway.errors import ClientGoneError, InvalidRequestError, TooLargeError

if TYPE_CHECKING:
    from starlette.requests import Request

BODY_BYTES = 4 * 1024 * 1024
"""700 KiB of content may be six times as long when every character is escaped."""


async def json_body(request: Request, seconds: float) -> bytes:
    """Read the body of a request that must be JSON.

    Raises:
        InvalidRequestError: when it is of another type, is packed, or does not arrive within
            `seconds`.
        TooLargeError: when it has more than `BODY_BYTES`; what is left is not read.
        ClientGoneError: when the client went away in the middle.
    """
    kind = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
    if kind != "application/json":
        raise InvalidRequestError("Content-Type", "must be application/json")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        # What is packed small may be any size once it is unpacked.
        raise InvalidRequestError("Content-Encoding", "must be identity: bodies are not unpacked")
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > BODY_BYTES:
        raise _too_large()
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                size += len(part)
                if size > BODY_BYTES:
                    raise _too_large()
                parts.append(part)
    except TimeoutError:
        raise InvalidRequestError("body", f"did not arrive within {seconds:g} seconds") from None
    except ClientDisconnect:
        raise ClientGoneError from None
    return b"".join(parts)


def _too_large() -> TooLargeError:
    return TooLargeError(f"body: must be at most {BODY_BYTES // 1024**2} MiB")
