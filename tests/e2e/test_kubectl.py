"""What somebody with kubectl sees and can do, with no gateway in between."""

from __future__ import annotations

import json
from typing import Any

from support.deadline import until
from support.installation import ROOT, SANDBOXES, SYSTEM, Kubectl


def test_every_execution_is_shown_and_no_pod_stays(kubectl: Kubectl, execute: Any) -> None:
    answer = execute('print("seen")', session_id="shown")

    row = kubectl("get", "sbx", answer["execution_id"], "-n", SANDBOXES, "--no-headers").split()
    assert row[:5] == [answer["execution_id"], "python", "Completed", "Exited", "0"]
    until(lambda: not kubectl.busy_pods(), 10, "the Pods to be gone")


def test_apply_runs_without_the_gateway(kubectl: Kubectl) -> None:
    scale = ("scale", "deployment/cloche-gateway", "-n", SYSTEM)
    replicas = kubectl.json("get", "deployment", "cloche-gateway", "-n", SYSTEM)["spec"]["replicas"]
    kubectl("delete", "sbx/hello", "-n", SANDBOXES, "--ignore-not-found")
    kubectl(*scale, "--replicas=0")
    try:
        kubectl(
            "wait", "--for=delete", "pod", "-n", SYSTEM, "-l", "app.kubernetes.io/component=gateway"
        )
        kubectl("apply", "-f", str(ROOT / "examples" / "hello.yaml"))
        kubectl("wait", "--for=condition=Finished", "sbx/hello", "-n", SANDBOXES, "--timeout=60s")
        status = kubectl.execution("hello")["status"]
    finally:
        kubectl(*scale, f"--replicas={replicas}")
        kubectl("rollout", "status", "deployment/cloche-gateway", "-n", SYSTEM, "--timeout=120s")
    assert status["phase"] == "Completed"
    assert status["exitCode"] == 0
    assert status["stdout"]


def test_kubectl_scale_resizes_a_pool(kubectl: Kubectl) -> None:
    path = f"/apis/cloche.dev/v1alpha1/namespaces/{SANDBOXES}/sandboxruntimes/bash/scale"
    scale = ("scale", "sbr", "bash", "-n", SANDBOXES)
    before = json.loads(kubectl("get", "--raw", path))["spec"]["replicas"]

    def scaled() -> bool:
        return kubectl.runtime_status("bash").get("ready") == before + 1

    kubectl(*scale, f"--replicas={before + 1}")
    try:
        until(scaled, 60, "another waiting Pod")
        status = json.loads(kubectl("get", "--raw", path))["status"]
        selected = kubectl("get", "pods", "-n", SANDBOXES, "-l", status["selector"], "-o", "name")
    finally:
        kubectl(*scale, f"--replicas={before}")
    assert status["replicas"] == len(selected.split()) == before + 1
    until(lambda: kubectl.pool_is_full("bash"), 60, "the pool as before")


def test_unknown_language_ends_with_its_own_reason(submit: Any, finished: Any) -> None:
    status = finished(submit("x", "cobol"))

    assert (status["phase"], status["reason"]) == ("Error", "UnknownLanguage")
    assert "cobol" in status["message"]


def test_more_than_the_maximum_ends_with_its_own_reason(submit: Any, finished: Any) -> None:
    status = finished(submit("x", resources={"memory": "64Gi"}))

    assert (status["phase"], status["reason"]) == ("Error", "ResourcesExceedRuntime")
    assert "spec.resources.memory" in status["message"]


def test_cancel(kubectl: Kubectl, submit: Any, finished: Any, running_pod: Any) -> None:
    name = submit('import time\nprint("begun", flush=True)\ntime.sleep(100)', timeoutSeconds=120)
    pod = running_pod(name)["metadata"]["name"]

    kubectl("patch", "sbx", name, "-n", SANDBOXES, "--type=merge", "-p", '{"spec":{"cancel":true}}')

    status = finished(name)
    assert (status["phase"], status["reason"]) == ("Cancelled", "Cancelled")
    assert status["stdout"] == "begun\n"
    until(lambda: pod not in str(kubectl.pods()), 10, "the Pod to be gone")


def test_deletion_takes_the_pod_along(kubectl: Kubectl, submit: Any, running_pod: Any) -> None:
    name = submit("import time\ntime.sleep(100)", timeoutSeconds=120)
    pod = running_pod(name)["metadata"]["name"]

    kubectl("delete", "sbx", name, "-n", SANDBOXES)

    until(lambda: pod not in str(kubectl.pods()), 10, "the Pod to be gone")


def test_records_leave_after_their_time(kubectl: Kubectl, submit: Any, finished: Any) -> None:
    name = submit("print(1)", ttlSecondsAfterFinished=1)
    finished(name)

    until(
        lambda: kubectl.run("get", "sbx", name, "-n", SANDBOXES).returncode != 0,
        60,
        "the record to be removed",
    )
