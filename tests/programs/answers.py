"""The answers to programs of the corpus, requested a few at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from programs.corpus_files import Program
from programs.verdict import faults

TOGETHER = 3
"""One more than the smallest machine has processors, because a start mostly waits."""


@dataclass(frozen=True)
class Answer:
    """What came of one program."""

    program: Program
    status: int
    body: dict[str, Any]
    seconds: float

    @property
    def faults(self) -> list[str]:
        """How the answer differs from the expected one."""
        return faults(self.program, self.status, self.body)


def ask(http: httpx.Client, program: Program) -> Answer:
    """Run a program. Raises httpx.HTTPError if there is no answer."""
    begun = time.monotonic()
    answer = http.post("/api/v1/execute", params={"strict": "true"}, json=program.body)
    try:
        body = answer.json()
    except ValueError:
        body = {"detail": answer.text}
    return Answer(program, answer.status_code, body, time.monotonic() - begun)


@contextmanager
def requested(
    http: httpx.Client, programs: list[Program], together: int = TOGETHER
) -> Iterator[dict[str, Future[Answer]]]:
    """Run the programs in the background while the block runs; each one's answer."""
    with ThreadPoolExecutor(together) as pool:
        yield {str(program): pool.submit(ask, http, program) for program in programs}
        pool.shutdown(cancel_futures=True)
