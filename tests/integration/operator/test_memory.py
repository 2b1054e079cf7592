"""Waiting executions are in etcd, not in the operator: a new leader can take over many of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support.deadline import until
from support.fixtures.fake_cluster import FakeCluster
from support.fixtures.operator.process import Operator

COUNT = 150
FULL_SIZE = "\N{GRINNING FACE}" + "a" * 220_000
"""Python stores four bytes per character of a string that contains such a character."""
LIMIT_MIB = 512
"""The operator's memory limit in the chart, in MiB."""
START_SECONDS = 60.0


def peak_mib(running: Operator) -> int:
    """Return the largest memory that the process has ever used, in MiB."""
    status = Path(f"/proc/{running.process.pid}/status").read_text(encoding="utf-8")
    (kib,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kib) // 1024


def test_a_new_leader_starts_with_150_waiting_executions_of_full_size(cluster: FakeCluster) -> None:
    cluster.set_node("1Gi")  # room for one
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(
                lambda n: cluster.submit(
                    f"full-{n}",
                    code="#" + FULL_SIZE,
                    stdin=FULL_SIZE,
                    files=[{"path": "f", "content": FULL_SIZE}],
                ),
                range(COUNT),
            )
        )
    running = cluster.start(queue_timeout_seconds=600)
    until(
        lambda: running.metric("cloche_operator_queued_executions") == COUNT - 1,
        "all but one to wait",
        START_SECONDS,
    )
    assert peak_mib(running) < LIMIT_MIB * 3 / 4
    assert running.metric("cloche_operator_buffered_bytes") == 0
    assert running.metric("cloche_operator_queued_bytes") > (COUNT - 1) * 3 * 220_000
    running.stop()
    cluster.server.delete(cluster.executions)  # the other tests use the same etcd
