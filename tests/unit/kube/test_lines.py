"""Lines of watches and logs, for chunks of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloche_kube.lines import LongLineError, lines_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def chunks(data: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
async def test_a_line_that_is_too_long_is_skipped(size: int) -> None:
    data = b"one\n\ntwo\n" + b"x" * 50 + b"\nthree\n" + b"y" * 60 + b"\n\nfour\nno end"
    most = max(20, size)
    found = [line async for line in lines_of(chunks(data, size), most, skip=True)]
    if size < 50:
        assert found == [b"one", b"two", b"three", b"four"]
    else:
        assert found[:2] == [b"one", b"two"]


async def test_a_line_that_is_too_long_is_an_error_unless_skipped() -> None:
    with pytest.raises(LongLineError, match="more than 20 bytes"):
        _ = [line async for line in lines_of(chunks(b"x" * 50, 7), 20)]
