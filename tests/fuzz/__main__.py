"""`python -m fuzz`: hostile requests to the running gateway, and a table of what it answered.

The requests follow from the seed, which is printed first.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus

import httpx
from fuzz import schema
from fuzz.dialects import requests
from fuzz.hostile import Hostile
from fuzz.judge import Judge
from fuzz.sending import send
from support.fixtures.installation import Installation, installed

_SESSIONS = "/api/v1/sessions"
_MEMORY = "process_resident_memory_bytes "
_MIB = 1024 * 1024
_SHOWN = 20


@dataclass
class Report:
    """What came of it."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By kind of request and status."""
    problems: list[str] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    """MiB of the gateway: before, after each tenth, at the end."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=8000, help="by the fuzzer of bodies")
    parser.add_argument(
        "--examples", type=int, default=100, help="of each operation, by schemathesis"
    )
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    return parser.parse_args()


async def fuzz(to: Installation, count: int, at_once: int, seed: int) -> Report:
    """Send so many requests, some at a time, and judge every answer.

    Sessions that they create are ended, because each of them holds a Pod.
    """
    report = Report()
    async with httpx.AsyncClient(base_url=to.url, timeout=30) as client:
        judge = Judge((await client.get("/openapi.json")).json())
        report.memory.append(await _memory(client))
        left = iter(requests(seed, count))
        done = 0

        async def work() -> None:
            nonlocal done
            for request in left:
                session = await _one(to, judge, request, report)
                if session is not None:
                    await client.delete(f"{_SESSIONS}/{session}", headers={"X-API-Key": to.key})
                done += 1
                if done % max(1, count // 10) == 0:
                    report.memory.append(await _memory(client))
                    sys.stderr.write(f"{done} of {count}, {report.memory[-1]:.0f} MiB\n")

        await asyncio.gather(*(work() for _ in range(at_once)))
    return report


async def _one(to: Installation, judge: Judge, request: Hostile, report: Report) -> str | None:
    """Send a request and judge its answer. Return the session that it created, if it did."""
    try:
        answer = await send(to.url, to.key, request)
    except TimeoutError:
        report.problems.append(f"{request}: no answer")
        return None
    report.answers[request.kind, answer.status] += 1
    problem = "the connection was closed without an answer" if not answer.status else None
    problem = problem or judge.problem(
        request.method, request.target, answer.status, answer.headers, answer.body
    )
    if problem is not None:
        report.problems.append(f"{problem}: {str(request)[:1000]}")
    created = request.method == "POST" and request.target.partition("?")[0] == _SESSIONS
    if created and answer.status == HTTPStatus.CREATED:
        session: str = json.loads(answer.body)["session_id"]
        return session
    return None


async def _memory(client: httpx.AsyncClient) -> float:
    text = (await client.get("/metrics")).text
    line = next(line for line in text.splitlines() if line.startswith(_MEMORY))
    return float(line.removeprefix(_MEMORY)) / _MIB


def _table(report: Report) -> str:
    statuses = sorted({status for _, status in report.answers})
    kinds = sorted({kind for kind, _ in report.answers})
    lines = [f"{'':32}" + "".join(f"{status:>7}" for status in statuses)]
    for kind in kinds:
        counts = (report.answers[kind, status] for status in statuses)
        lines.append(f"{kind:32}" + "".join(f"{count or '':>7}" for count in counts))
    memory = " ".join(f"{mib:.0f}" for mib in report.memory)
    return "\n".join([*lines, f"memory of the gateway, MiB: {memory}"])


def main() -> int:
    """Run it; the exit code is 1 when an answer was wrong."""
    given = _arguments()
    sys.stdout.write(f"seed {given.seed}\n")
    began = time.monotonic()
    report = asyncio.run(fuzz(installed(), given.requests, given.at_once, given.seed))
    sys.stdout.write(f"{_table(report)}\n{time.monotonic() - began:.0f} s\n")
    for problem in report.problems[:_SHOWN]:
        sys.stdout.write(f"WRONG: {problem}\n")
    sys.stdout.write(f"{len(report.problems)} wrong answers\n")
    sys.stdout.flush()
    done = schema.run(installed(), given.examples, given.seed)
    return int(bool(report.problems or done.returncode))


if __name__ == "__main__":
    sys.exit(main())
