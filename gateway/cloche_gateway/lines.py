"""Lines of a stream that comes in chunks, however long they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class LongLineError(Exception):
    """A line is longer than any that is expected."""


async def lines_of(
    chunks: AsyncIterator[bytes], most: int, *, skip: bool = False
) -> AsyncIterator[bytes]:
    """The lines of a stream that are not empty, without their ends; the last one needs an end too.

    The stream reader's own limit is for shorter ones. With `skip` a line of more than `most` bytes
    is left out.

    Raises:
        LongLineError: there is such a line, and not `skip`.
    """
    kept = bytearray()
    skipping = False
    async for chunk in chunks:
        first, found, rest_of_chunk = chunk.partition(b"\n")
        if not skipping:
            kept += first
        if len(kept) > most:
            if not skip:
                raise LongLineError(f"a line of more than {most} bytes")
            skipping, kept = True, bytearray()
        if not found:
            continue
        *whole, last = rest_of_chunk.split(b"\n")
        if kept and not skipping:
            yield bytes(kept)
        skipping, kept = False, bytearray(last)
        for line in whole:
            if line:
                yield line
