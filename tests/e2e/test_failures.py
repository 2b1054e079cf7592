"""Each way to fail ends the execution with its own phase and reason."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from support import images
from support.deadline import until
from support.installation import SANDBOXES, Kubectl
from support.processes import of_pod

SLEEP = 'import time\nprint("begun", flush=True)\ntime.sleep(100)'


@pytest.fixture(scope="module", autouse=True)
def unschedulable(submit: Any, runtime: Any) -> str:
    """One that no node takes: it needs a minute to end, while the other tests run."""
    name: str = submit("x", runtime("nowhere", nodeSelector={"there-is": "no-such-node"}))
    return name


def test_out_of_memory(execute: Any) -> None:
    answer = execute('print("before", flush=True)\nx = bytearray(10**9)\nprint(len(x))')

    assert answer["exit_code"] == 137
    assert answer["reason"] == "OutOfMemory"
    assert answer["stdout"] == "before\n"


def test_killed_by_a_signal(execute: Any) -> None:
    answer = execute("kill -TERM $$", "bash")

    assert answer["exit_code"] == 128 + signal.SIGTERM
    assert answer["reason"] == "Signaled"


def test_image_missing(submit: Any, finished: Any, runtime: Any) -> None:
    status = finished(submit("x", runtime("no-image", image="cloche/there-is-no-such-image:0")))

    assert (status["phase"], status["reason"]) == ("Error", "ImagePullFailed")
    assert "there-is-no-such-image" in status["message"]


def test_not_a_supervisor(submit: Any, finished: Any, runtime: Any, kubectl: Kubectl) -> None:
    """An image that runs, but holds no supervisor."""
    image = kubectl.json("get", "deployment", "cloche-operator", "-n", "cloche-system")
    image = image["spec"]["template"]["spec"]["containers"][0]["image"]

    status = finished(submit("x", runtime("no-supervisor", image=image)))

    assert status["phase"] == "Error"
    assert status["reason"] in ("ProtocolError", "ContainerStartFailed")


def test_garbage_in_the_stream(
    submit: Any, finished: Any, runtime: Any, kubectl: Kubectl, execute: Any
) -> None:
    python = kubectl.json("get", "sbr", "python", "-n", SANDBOXES)["spec"]["image"]
    image = images.load("garbage", Path(__file__).parent / "images" / "garbage", python)

    status = finished(submit("x", runtime("garbage", image=image)))

    assert (status["phase"], status["reason"]) == ("Error", "ProtocolError")
    assert execute("print(1)")["stdout"] == "1\n"


def test_pod_deleted_by_hand(
    kubectl: Kubectl, submit: Any, finished: Any, running_pod: Any
) -> None:
    name = submit(SLEEP, timeoutSeconds=120)
    pod = running_pod(name)["metadata"]["name"]

    kubectl("delete", "pod", pod, "-n", SANDBOXES)

    status = finished(name)
    assert (status["phase"], status["reason"]) == ("Error", "PodDeleted")
    assert status["stdout"] == "begun\n"


def test_pod_evicted(kubectl: Kubectl, submit: Any, finished: Any, running_pod: Any) -> None:
    name = submit(SLEEP, timeoutSeconds=120)
    pod = running_pod(name)["metadata"]["name"]
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": SANDBOXES},
    }

    path = f"/api/v1/namespaces/{SANDBOXES}/pods/{pod}/eviction"
    kubectl("create", "--raw", path, "-f", "-", input_=json.dumps(eviction))

    status = finished(name)
    assert (status["phase"], status["reason"]) == ("Error", "PodEvicted")


def test_supervisor_that_hangs(
    kubectl: Kubectl, submit: Any, finished: Any, running_pod: Any
) -> None:
    """The supervisor's own timeout fails; the operator's is the next layer."""
    name = submit(SLEEP, timeoutSeconds=2)
    pod = running_pod(name)
    supervisor = min(of_pod(pod["metadata"]["uid"], b"/opt/cloche"))
    os.kill(supervisor, signal.SIGSTOP)

    status = finished(name)

    assert (status["phase"], status["reason"]) == ("Error", "SupervisorHung")
    assert status["stdout"] == "begun\n"
    until(lambda: pod["metadata"]["name"] not in str(kubectl.pods()), 20, "the Pod to be gone")


def test_supervisor_that_dies(submit: Any, finished: Any, running_pod: Any) -> None:
    name = submit(SLEEP, timeoutSeconds=60)
    pod = running_pod(name)
    os.kill(min(of_pod(pod["metadata"]["uid"], b"/opt/cloche")), signal.SIGKILL)

    status = finished(name)

    assert (status["phase"], status["reason"]) == ("Error", "ResultLost")
    assert status["stdout"] == "begun\n"


def test_files_that_do_not_fit(submit: Any, finished: Any) -> None:
    files = [{"path": "a", "content": "a file"}, {"path": "a/b", "content": "below a file"}]

    status = finished(submit("x", files=files))

    assert (status["phase"], status["reason"]) == ("Error", "InvalidFiles")
    assert "a/b" in status["message"]


def test_unschedulable(unschedulable: str, finished: Any) -> None:
    """Last, for its minute to be over."""
    status = finished(unschedulable)

    assert (status["phase"], status["reason"]) == ("Error", "Unschedulable")
