"""The API server stops answering, and answers again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from support.clients.kubectl import InstallationKubectl
from support.clients.node_processes import of_component
from support.deadline import until
from support.fixtures.executions import Execute, Finished, RunningPod, Submit

STARTS = 8
FREEZE_SECONDS = 11
"""Longer than an attach or a call is waited for."""


@contextmanager
def frozen(program: str) -> Iterator[None]:
    """Stop a program of the cluster while the block runs."""
    process = of_component(program)
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def test_the_gateway_answers_503_while_the_api_server_is_frozen_and_recovers(
    http: httpx.Client, execute: Execute
) -> None:
    with frozen("kube-apiserver"):
        until(lambda: http.get("/health/ready").status_code == 503, "readiness to be false", 30)
        assert http.get("/health/live").status_code == 200
        answer = http.post("/api/v1/execute", json={"code": "print(1)", "language": "python"})

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert answer.json()["detail"]
    until(lambda: http.get("/health/ready").status_code == 200, "readiness to be true", 60)
    assert execute("print(2)")["stdout"] == "2\n"


def test_a_result_is_recorded_once_the_api_server_answers_again(
    submit: Submit, finished: Finished, running_pod: RunningPod
) -> None:
    """It is away until the program has ended and the supervisor counts as hung."""
    code = "import time\nfor n in range(15):\n    print(n, flush=True)\n    time.sleep(0.1)"
    name = submit(code, timeoutSeconds=2)
    running_pod(name)

    with frozen("kube-apiserver"):
        all_limits_are_over = time.monotonic() + 12
        until(lambda: time.monotonic() > all_limits_are_over, "the limits to be over", 20)

    status = finished(name)
    assert status["reason"] == "Exited"
    assert status["stdout"] == "".join(f"{n}\n" for n in range(15))


def test_pods_that_start_while_the_api_server_is_frozen_still_run_their_programs(
    kubectl: InstallationKubectl, submit: Submit, finished: Finished
) -> None:
    """Attaches are given up, come about when it answers again, and close the Pods' input.

    Of many Pods some are just created, some about to be attached, some greeted.
    """
    names = [submit("print(1)", resources={"memory": "256Mi"}) for _ in range(STARTS)]
    until(lambda: kubectl.execution(names[-1])["status"].get("podName"), "the last claim", 30)
    with frozen("kube-apiserver"):
        over = time.monotonic() + FREEZE_SECONDS
        until(lambda: time.monotonic() > over, "the freeze to be over", 2 * FREEZE_SECONDS)

    ends = [finished(name) for name in names]
    assert [(end["reason"], end["stdout"]) for end in ends] == [("Exited", "1\n")] * STARTS


def test_an_execution_on_a_lost_node_ends_as_supervisor_hung(
    kubectl: InstallationKubectl, submit: Submit, finished: Finished, running_pod: RunningPod
) -> None:
    """The API server answers, the kubelet does not: there is no log to wait for."""
    name = submit("import time\ntime.sleep(100)", timeoutSeconds=8)

    def ended() -> dict[str, Any] | None:
        status: dict[str, Any] = kubectl.execution(name)["status"]
        return status if status["phase"] == "Error" else None

    running_pod(name)
    with frozen("kubelet"):
        status = until(ended, "the execution to end without its node", 75)

    assert status["reason"] == "SupervisorHung"
    assert finished(submit("print(1)"))["reason"] == "Exited", "the execution waits for the node"
    kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=60s")
