"""Files that a client uploads before the runs that use them.

They are kept in this gateway's memory for some time (`limits.file_store`). CodeRunner uploads a
file when a run answers 404, so it does not matter when one is dropped.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import Annotated, Any

from fastapi import Body, Security
from starlette.responses import Response

from cloche_gateway.dialects.jobe.answers import JOBE, PREFIX, FileMissingError, MistakeError
from cloche_gateway.errors import shown
from cloche_gateway.http.request import Call
from cloche_gateway.limits.rates import Kind

NAME_CHARACTERS = 128
"""The longest id of a file. CodeRunner's are MD5 sums of 32 digits."""
_AT_ONCE_CHARACTERS = 64 * 1024
"""The longest content that is decoded in the event loop, in less than a millisecond."""

router = JOBE.router(f"{PREFIX}/files")
Reading = Annotated[Call, Security(JOBE.admission(Kind.READS))]


@router.put("/{name}")
async def put(call: Reading, name: str, body: Annotated[Any, Body()]) -> Response:
    """Keep a file, whose content is in base64."""
    _check(name)
    text = body.get("file_contents") if isinstance(body, dict) else None
    if not isinstance(text, str):
        raise MistakeError("put: missing file_contents parameter")
    if len(text) <= _AT_ONCE_CHARACTERS:
        content = _decoded(text)
    else:
        loop = asyncio.get_running_loop()
        content = await loop.run_in_executor(call.context.parser, _decoded, text)
    if content is None:
        raise MistakeError(f"put: contents of file {name} are not valid base-64")
    call.context.uploads.put(call.caller.tenant, name, content)
    return Response(status_code=204)


@router.get("/{name}")
async def head(call: Reading, name: str) -> Response:
    """Answer 204 if the file is kept, and 404 if not. The content is not returned."""
    _check(name)
    if call.context.uploads.get(call.caller.tenant, name) is None:
        raise FileMissingError
    return Response(status_code=204)


def _check(name: str) -> None:
    if not (name.isascii() and name.isalnum() and len(name) <= NAME_CHARACTERS):
        raise MistakeError(
            f"The file's id must be at most {NAME_CHARACTERS} letters and digits: {shown(name)}"
        )


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
