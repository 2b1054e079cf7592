"""Many at once: all end right, none runs twice."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from support.witness import witness

COUNT = 20


def test_20_at_once(execute: Any, installation: Any, kubectl: Any) -> None:
    def one(number: int) -> dict[str, Any]:
        answer: dict[str, Any] = execute(f"print({number} ** 2)", timeout=60)
        return answer

    with witness(installation.kubeconfig) as seen, ThreadPoolExecutor(COUNT) as pool:
        answers = list(pool.map(one, range(COUNT)))

    assert [a["stdout"] for a in answers] == [f"{n**2}\n" for n in range(COUNT)]
    assert len({a["execution_id"] for a in answers}) == COUNT
    uids = [kubectl.execution(a["execution_id"])["metadata"]["uid"] for a in answers]
    pods = Counter(execution for execution in seen.started.values() if execution in uids)
    assert pods == dict.fromkeys(uids, 1)
