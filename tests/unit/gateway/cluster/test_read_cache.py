"""Concurrent reads of an execution share one call of the API server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cloche_gateway.cluster import read_cache
from cloche_gateway.cluster.read_cache import Reads
from cloche_kube.errors import KubeError


class Server:
    """Answers each read with the given answers, and then with the number of reads so far."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def read(self, name: str) -> dict[str, Any] | None:
        self.asked += 1
        await asyncio.sleep(0)
        answer = self.answers.pop(0) if self.answers else {"name": name, "read": self.asked}
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_concurrent_reads_of_an_execution_share_one_call() -> None:
    server = Server()
    reads = Reads(server.read)
    found = await asyncio.gather(*(reads.read(name) for name in ("a", "b", "a", "a")))
    assert server.asked == 2
    assert found[0] == found[2] == found[3]
    assert await reads.read("a") == found[0]


async def test_a_read_execution_is_cached_only_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_cache, "_SECONDS", 0)
    reads = Reads(Server().read)
    await reads.read("a")
    async with asyncio.timeout(5):
        while reads:  # noqa: ASYNC110  a timer of the event loop empties it
            await asyncio.sleep(0)


async def test_a_forgotten_execution_is_read_again() -> None:
    reads = Reads(Server().read)
    first = await reads.read("a")
    reads.forget("a")
    assert await reads.read("a") != first


@pytest.mark.parametrize("answer", [None, KubeError("away")])
async def test_a_missing_execution_or_an_error_is_not_cached(answer: Any) -> None:
    reads = Reads(Server(answer).read)
    if answer is None:
        assert await reads.read("a") is None
    else:
        with pytest.raises(KubeError):
            await reads.read("a")
    assert await reads.read("a") == {"name": "a", "read": 2}


async def test_a_cancelled_reader_does_not_cancel_the_shared_read() -> None:
    server = Server()
    reads = Reads(server.read)
    impatient, patient = (asyncio.create_task(reads.read("a")) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == {"name": "a", "read": 1}


async def test_the_number_of_cached_executions_is_limited() -> None:
    server = Server()
    reads = Reads(server.read)
    names = [f"{number}" for number in range(read_cache._KEPT + 10)]
    await asyncio.gather(*(reads.read(name) for name in names))
    await asyncio.sleep(0)
    assert len(reads) == len(reads._drops) == read_cache._KEPT
    await reads.read(names[-1])
    assert server.asked == len(names)
    await reads.read(names[0])
    assert server.asked == len(names) + 1


async def test_an_execution_forgotten_during_its_read_is_not_cached() -> None:
    server = Server()
    reads = Reads(server.read)
    reading_it = asyncio.create_task(reads.read("a"))
    await asyncio.sleep(0)
    reads.forget("a")
    await reading_it
    assert (len(reads), len(reads._drops)) == (0, 0)
