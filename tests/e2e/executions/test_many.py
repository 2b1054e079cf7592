"""Concurrent executions: each ends correctly and runs once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from support.clients.kubectl import InstallationKubectl
from support.fixtures.executions import Execute
from support.observers.start_observer import observe_starts

COUNT = 20


def test_20_concurrent_executions_each_run_once_with_their_own_result(
    execute: Execute, kubectl: InstallationKubectl
) -> None:
    def one(number: int) -> dict[str, Any]:
        answer: dict[str, Any] = execute(f"print({number} ** 2)", timeout=60)
        return answer

    with observe_starts() as seen, ThreadPoolExecutor(COUNT) as pool:
        answers = list(pool.map(one, range(COUNT)))

    assert [a["stdout"] for a in answers] == [f"{n**2}\n" for n in range(COUNT)]
    assert len({a["execution_id"] for a in answers}) == COUNT
    uids = [kubectl.execution(a["execution_id"])["metadata"]["uid"] for a in answers]
    assert seen.counts(uids) == dict.fromkeys(uids, 1)
