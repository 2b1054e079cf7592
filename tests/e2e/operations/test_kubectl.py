"""What a user of kubectl sees and can do, without the gateway."""

from __future__ import annotations

import json

from support.clients.kubectl import InstallationKubectl
from support.data.names import ROOT, SANDBOXES, SYSTEM
from support.deadline import until
from support.fixtures.executions import Execute, Finished, RunningPod, Submit


def test_kubectl_shows_an_ended_execution_and_its_pod_is_deleted(
    kubectl: InstallationKubectl, execute: Execute
) -> None:
    answer = execute('print("seen")', session_id="shown")

    row = kubectl("get", "sbx", answer["execution_id"], "-n", SANDBOXES, "--no-headers").split()
    assert row[:5] == [answer["execution_id"], "python", "Completed", "Exited", "0"]
    until(lambda: not kubectl.busy_pods(), "the Pods to be gone", 10)


def test_an_execution_applied_with_kubectl_runs_without_the_gateway(
    kubectl: InstallationKubectl,
) -> None:
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


def test_kubectl_scale_resizes_a_pool(kubectl: InstallationKubectl) -> None:
    path = f"/apis/cloche.dev/v1alpha1/namespaces/{SANDBOXES}/sandboxruntimes/bash/scale"
    scale = ("scale", "sbr", "bash", "-n", SANDBOXES)
    before = json.loads(kubectl("get", "--raw", path))["spec"]["replicas"]

    def scaled() -> bool:
        return bool(kubectl.runtime_status("bash").get("ready") == before + 1)

    kubectl(*scale, f"--replicas={before + 1}")
    try:
        until(scaled, "another waiting Pod", 60)
        status = json.loads(kubectl("get", "--raw", path))["status"]
        selected = kubectl("get", "pods", "-n", SANDBOXES, "-l", status["selector"], "-o", "name")
    finally:
        kubectl(*scale, f"--replicas={before}")
    assert status["replicas"] == len(selected.split()) == before + 1
    until(lambda: kubectl.pool_is_full("bash"), "the pool as before", 60)


def test_an_execution_in_an_unknown_language_ends_as_unknown_language(
    submit: Submit, finished: Finished
) -> None:
    status = finished(submit("x", "cobol"))

    assert (status["phase"], status["reason"]) == ("Error", "UnknownLanguage")
    assert "cobol" in status["message"]


def test_an_execution_over_the_runtimes_maximum_ends_as_resources_exceed_runtime(
    submit: Submit, finished: Finished
) -> None:
    status = finished(submit("x", resources={"memory": "64Gi"}))

    assert (status["phase"], status["reason"]) == ("Error", "ResourcesExceedRuntime")
    assert "spec.resources.memory" in status["message"]


def test_cancelling_with_kubectl_ends_the_execution_and_deletes_its_pod(
    kubectl: InstallationKubectl, submit: Submit, finished: Finished, running_pod: RunningPod
) -> None:
    name = submit('import time\nprint("begun", flush=True)\ntime.sleep(100)', timeoutSeconds=120)
    pod = running_pod(name)["metadata"]["name"]

    kubectl("patch", "sbx", name, "-n", SANDBOXES, "--type=merge", "-p", '{"spec":{"cancel":true}}')

    status = finished(name)
    assert (status["phase"], status["reason"]) == ("Cancelled", "Cancelled")
    assert status["stdout"] == "begun\n"
    until(lambda: pod not in str(kubectl.pods()), "the Pod to be gone", 10)


def test_deleting_an_execution_deletes_its_pod(
    kubectl: InstallationKubectl, submit: Submit, running_pod: RunningPod
) -> None:
    name = submit("import time\ntime.sleep(100)", timeoutSeconds=120)
    pod = running_pod(name)["metadata"]["name"]

    kubectl("delete", "sbx", name, "-n", SANDBOXES)

    until(lambda: pod not in str(kubectl.pods()), "the Pod to be gone", 10)


def test_a_record_is_removed_after_its_ttl(
    kubectl: InstallationKubectl, submit: Submit, finished: Finished
) -> None:
    name = submit("print(1)", ttlSecondsAfterFinished=1)
    finished(name)

    until(
        lambda: kubectl.run("get", "sbx", name, "-n", SANDBOXES).returncode != 0,
        "the record to be removed",
        60,
    )
