"""The lines of a stream: a watch or a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_kube.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class LongLineError(UnavailableError):
    """A line is longer than the limit."""


async def lines_of(
    chunks: AsyncIterator[bytes], most: int, *, skip: bool = False
) -> AsyncIterator[bytes]:
    """Yield the non-empty lines of a stream, without their line breaks.

    A last line without a line break is not yielded.

    `most` is the longest line in bytes. With `skip`, longer lines are skipped. aiohttp's stream
    reader cannot be used for this, because its own limit is lower.

    Raises:
        LongLineError: a line is longer than `most`, and `skip` is False.
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
