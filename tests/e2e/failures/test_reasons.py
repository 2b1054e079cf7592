"""Each kind of failure ends the execution with its own phase and reason."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from support.clients import images
from support.clients.kubectl import InstallationKubectl
from support.clients.node_processes import of_pod
from support.data.names import SANDBOXES
from support.deadline import until
from support.fixtures.executions import Execute, Finished, Install, RunningPod, Submit

SLEEP = 'import time\nprint("begun", flush=True)\ntime.sleep(100)'


@pytest.fixture(scope="module", autouse=True)
def unschedulable(submit: Submit, runtime: Install) -> str:
    """One that no node takes: it needs a minute to end, while the other tests run."""
    name: str = submit("x", runtime("nowhere", nodeSelector={"there-is": "no-such-node"}))
    return name


def test_a_program_out_of_memory_ends_as_out_of_memory_with_its_output(execute: Execute) -> None:
    answer = execute('print("before", flush=True)\nx = bytearray(10**9)\nprint(len(x))')

    assert answer["exit_code"] == 137
    assert answer["reason"] == "OutOfMemory"
    assert answer["stdout"] == "before\n"


def test_a_program_killed_by_a_signal_ends_as_signaled(execute: Execute) -> None:
    answer = execute("kill -TERM $$", "bash")

    assert answer["exit_code"] == 128 + signal.SIGTERM
    assert answer["reason"] == "Signaled"


def test_a_missing_image_ends_the_execution_as_image_pull_failed(
    submit: Submit, finished: Finished, runtime: Install
) -> None:
    status = finished(submit("x", runtime("no-image", image="cloche/there-is-no-such-image:0")))

    assert (status["phase"], status["reason"]) == ("Error", "ImagePullFailed")
    assert "there-is-no-such-image" in status["message"]


def test_an_image_without_a_supervisor_ends_the_execution_as_error(
    submit: Submit, finished: Finished, runtime: Install, kubectl: InstallationKubectl
) -> None:
    """An image that runs, but holds no supervisor."""
    image = kubectl.json("get", "deployment", "cloche-operator", "-n", "cloche-system")
    image = image["spec"]["template"]["spec"]["containers"][0]["image"]

    status = finished(submit("x", runtime("no-supervisor", image=image)))

    assert status["phase"] == "Error"
    assert status["reason"] in ("ProtocolError", "ContainerStartFailed")


def test_garbage_from_a_supervisor_ends_the_execution_as_protocol_error(
    submit: Submit,
    finished: Finished,
    runtime: Install,
    kubectl: InstallationKubectl,
    execute: Execute,
) -> None:
    python = kubectl.json("get", "sbr", "python", "-n", SANDBOXES)["spec"]["image"]
    image = images.load("garbage", Path(__file__).parent / "images" / "garbage", python)

    status = finished(submit("x", runtime("garbage", image=image)))

    assert (status["phase"], status["reason"]) == ("Error", "ProtocolError")
    assert execute("print(1)")["stdout"] == "1\n"


def test_an_execution_whose_pod_is_deleted_ends_as_pod_deleted_with_its_output(
    kubectl: InstallationKubectl, submit: Submit, finished: Finished, running_pod: RunningPod
) -> None:
    name = submit(SLEEP, timeoutSeconds=120)
    pod = running_pod(name)["metadata"]["name"]

    kubectl("delete", "pod", pod, "-n", SANDBOXES)

    status = finished(name)
    assert (status["phase"], status["reason"]) == ("Error", "PodDeleted")
    assert status["stdout"] == "begun\n"


def test_an_execution_whose_pod_is_evicted_ends_as_pod_evicted(
    kubectl: InstallationKubectl, submit: Submit, finished: Finished, running_pod: RunningPod
) -> None:
    name = submit(SLEEP, timeoutSeconds=120)
    pod = running_pod(name)["metadata"]["name"]
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": SANDBOXES},
    }

    path = f"/api/v1/namespaces/{SANDBOXES}/pods/{pod}/eviction"
    kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))

    status = finished(name)
    assert (status["phase"], status["reason"]) == ("Error", "PodEvicted")


def test_a_hung_supervisor_ends_the_execution_as_supervisor_hung(
    kubectl: InstallationKubectl, submit: Submit, finished: Finished, running_pod: RunningPod
) -> None:
    """The supervisor's own timeout fails; the operator's is the next layer."""
    name = submit(SLEEP, timeoutSeconds=2)
    pod = running_pod(name)
    supervisor = min(of_pod(pod["metadata"]["uid"], b"/opt/cloche"))
    os.kill(supervisor, signal.SIGSTOP)

    status = finished(name)

    assert (status["phase"], status["reason"]) == ("Error", "SupervisorHung")
    assert status["stdout"] == "begun\n"
    until(lambda: pod["metadata"]["name"] not in str(kubectl.pods()), "the Pod to be gone", 20)


def test_a_killed_supervisor_ends_the_execution_as_result_lost(
    submit: Submit, finished: Finished, running_pod: RunningPod
) -> None:
    name = submit(SLEEP, timeoutSeconds=60)
    pod = running_pod(name)
    os.kill(min(of_pod(pod["metadata"]["uid"], b"/opt/cloche")), signal.SIGKILL)

    status = finished(name)

    assert (status["phase"], status["reason"]) == ("Error", "ResultLost")
    assert status["stdout"] == "begun\n"


def test_conflicting_file_paths_end_the_execution_as_invalid_files(
    submit: Submit, finished: Finished
) -> None:
    files = [{"path": "a", "content": "a file"}, {"path": "a/b", "content": "below a file"}]

    status = finished(submit("x", files=files))

    assert (status["phase"], status["reason"]) == ("Error", "InvalidFiles")
    assert "a/b" in status["message"]


def test_an_execution_that_no_node_accepts_ends_as_unschedulable(
    unschedulable: str, finished: Finished
) -> None:
    """Last, for its minute to be over."""
    status = finished(unschedulable)

    assert (status["phase"], status["reason"]) == ("Error", "Unschedulable")
