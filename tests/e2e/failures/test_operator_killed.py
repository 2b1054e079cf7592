"""The operator is killed: running executions are neither lost nor run again."""

from __future__ import annotations

import os
import signal

import httpx
from support.clients.installation_api import is_ready
from support.clients.kubectl import InstallationKubectl, sources_of
from support.clients.node_processes import of_pod
from support.data.names import SYSTEM
from support.deadline import until
from support.fixtures.executions import Finished, RunningPod, Submit
from support.observers.start_observer import observe_starts

COUNT = 10
LARGE = 100 * 1024
CODE = """
import time
for tenth in range(200):
    print(tenth, flush=True)
    time.sleep(0.1)
"""


def test_10_running_executions_survive_a_killed_operator(
    kubectl: InstallationKubectl, submit: Submit, finished: Finished, running_pod: RunningPod
) -> None:
    with observe_starts() as seen:
        names = [submit(CODE) for _ in range(COUNT)]
        for name in names:
            running_pod(name)
        _kill_operator(kubectl)
        ends = [finished(name) for name in names]

    whole = "".join(f"{tenth}\n" for tenth in range(200))
    assert [end["reason"] for end in ends] == ["Exited"] * COUNT
    assert all(end["stdout"] == whole for end in ends)
    uids = [kubectl.execution(name)["metadata"]["uid"] for name in names]
    assert seen.counts(uids) == dict.fromkeys(uids, 1)
    until(lambda: not kubectl.busy_pods(), "the Pods to be gone", 60)


def test_executions_whose_pods_start_survive_a_killed_operator_and_run_once(
    kubectl: InstallationKubectl, submit: Submit, finished: Finished
) -> None:
    """Claimed or not, sent or not: each ends Completed, and its program is started once."""
    with observe_starts() as seen:
        names = [submit("print(1)") for _ in range(5)]
        uids = [kubectl.execution(name)["metadata"]["uid"] for name in names]
        _kill_operator(kubectl)
        ends = [finished(name) for name in names]

    assert [(end["reason"], end["stdout"]) for end in ends] == [("Exited", "1\n")] * len(names)
    assert seen.counts(uids) == dict.fromkeys(uids, 1)
    until(lambda: not kubectl.busy_pods(), "the Pods to be gone", 60)
    assert all(
        kubectl.execution(name)["status"] == end for name, end in zip(names, ends, strict=True)
    )


def test_large_programs_survive_a_killed_operator_and_their_sources_are_deleted(
    kubectl: InstallationKubectl, http: httpx.Client, finished: Finished
) -> None:
    """Their sources stay for the next operator, which deletes them once they have ended."""
    code = "import time\nread = input()\ntime.sleep(10)\nprint(len(read))"
    body = {"code": code, "language": "python", "stdin": "#" * LARGE}
    with observe_starts() as seen:
        answers = [http.post("/api/v1/execute/async", json=body) for _ in range(COUNT)]
        names = [answer.json()["execution_id"] for answer in answers]
        uids = [kubectl.execution(name)["metadata"]["uid"] for name in names]
        _kill_operator(kubectl)
        ends = [finished(name) for name in names]

    assert [(end["reason"], end["stdout"]) for end in ends] == [("Exited", f"{LARGE}\n")] * COUNT
    assert seen.counts(uids) == dict.fromkeys(uids, 1)
    until(lambda: not sources_of(kubectl, names), "the sources to be deleted", 60)


def _kill_operator(kubectl: InstallationKubectl) -> None:
    """Kill all operators that run. One that an earlier test has killed may be in back-off."""
    pods = kubectl.json("get", "pods", "-n", SYSTEM, "-l", "app.kubernetes.io/component=operator")
    running = [pod for pod in pods["items"] if is_ready(pod)]
    assert running
    for pod in running:
        for process in of_pod(pod["metadata"]["uid"], b"cloche_operator"):
            os.kill(process, signal.SIGKILL)
