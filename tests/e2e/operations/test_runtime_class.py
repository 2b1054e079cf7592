"""A RuntimeClass that one SandboxRuntime names: every kind of Pod of that language runs in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from support.clients.kubectl import InstallationKubectl
from support.data.names import SANDBOXES
from support.deadline import until
from support.fixtures.executions import Finished, Install, RunningPod, Submit

from cloche_cluster.embedded.layout import Layout

CLASS = "test-own-class"
HANDLER = "runc"
"""Every containerd has a handler with this name, in addition to the installation's."""
NO_CLASS = "test-there-is-no-such-class"
FILLED_SECONDS = 90


@pytest.fixture(scope="module")
def runtime_class(kubectl: InstallationKubectl) -> Iterator[str]:
    manifest = {
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": CLASS},
        "handler": HANDLER,
    }
    kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
    yield CLASS
    kubectl("delete", "runtimeclass", CLASS)


@pytest.fixture(scope="module")
def language(runtime_class: str, runtime: Install, kubectl: InstallationKubectl) -> str:
    """A runtime that names the class, with one Pod that waits."""
    name: str = runtime("own-class", runtimeClassName=runtime_class, pool={"size": 1})
    until(lambda: kubectl.pool_is_full(name), "the Pod to wait", FILLED_SECONDS)
    return name


def waiting(kubectl: InstallationKubectl, language: str) -> list[dict[str, Any]]:
    labels = f"cloche.dev/runtime={language},cloche.dev/state=waiting"
    found: list[dict[str, Any]] = kubectl.json("get", "pods", "-n", SANDBOXES, "-l", labels)[
        "items"
    ]
    return found


def containers(pods: list[dict[str, Any]]) -> set[str]:
    """Return the ids of the Pods' containers."""
    statuses = [status for pod in pods for status in pod["status"]["containerStatuses"]]
    return {status["containerID"].removeprefix("containerd://") for status in statuses}


def test_sandbox_pods_of_the_embedded_cluster_run_with_crun_by_default(
    kubectl: InstallationKubectl, language: str
) -> None:
    until(lambda: kubectl.pool_is_full("python"), "the pool to be full", FILLED_SECONDS)
    until(lambda: kubectl.pool_is_full(language), "the Pod to wait", FILLED_SECONDS)
    of_crun = {path.name for path in (Layout().run / "crun" / "k8s.io").iterdir()}
    assert containers(waiting(kubectl, "python")) <= of_crun
    assert not containers(waiting(kubectl, language)) & of_crun


def test_a_pool_pod_has_the_runtimes_runtime_class(
    kubectl: InstallationKubectl, language: str, submit: Submit, finished: Finished
) -> None:
    until(lambda: kubectl.pool_is_full(language), "the Pod to wait", FILLED_SECONDS)
    [pod] = waiting(kubectl, language)
    assert pod["spec"]["runtimeClassName"] == CLASS

    end = finished(submit("print(1)", language))

    assert (end["reason"], end["stdout"], end["warm"]) == ("Exited", "1\n", True)
    assert end["podUID"] == pod["metadata"]["uid"]


def test_a_cold_pod_has_the_runtimes_runtime_class(
    kubectl: InstallationKubectl, language: str, submit: Submit, running_pod: RunningPod
) -> None:
    name = submit("import time\ntime.sleep(20)", language, resources={"memory": "256Mi"})

    pod = running_pod(name)
    kubectl("delete", "sbx", name, "-n", SANDBOXES)

    assert pod["metadata"]["name"] == f"sbx-{pod['metadata']['labels']['cloche.dev/execution']}"
    assert pod["spec"]["runtimeClassName"] == CLASS


def test_a_session_pod_has_the_runtimes_runtime_class(
    kubectl: InstallationKubectl, language: str, http: httpx.Client
) -> None:
    # Other limits than the pool's start a new Pod. A new language is listed within seconds.
    asked = {"language": language, "resources": {"memory_mb": 256}}
    until(
        lambda: language in http.get("/api/v1/execute/languages").json(),
        "the language to be listed",
        10,
    )
    answer = http.post("/api/v1/sessions", json=asked)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    session = answer.json()["session_id"]

    pod = kubectl.json("get", "sbs", session, "-n", SANDBOXES)["status"]["podName"]
    found = kubectl.json("get", "pod", pod, "-n", SANDBOXES)
    http.delete(f"/api/v1/sessions/{session}")

    assert "cloche.dev/session" in found["metadata"]["labels"]
    assert found["spec"]["runtimeClassName"] == CLASS


@pytest.mark.usefixtures("language")
def test_pods_of_other_languages_keep_the_installations_runtime_class(
    kubectl: InstallationKubectl,
) -> None:
    until(lambda: kubectl.pool_is_full("python"), "the pool of python", FILLED_SECONDS)
    deployment = kubectl.json("get", "deployment", "cloche-operator", "-n", "cloche-system")
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    values = {one["name"]: one.get("value", "") for one in container["env"]}

    found = {pod["spec"].get("runtimeClassName", "") for pod in waiting(kubectl, "python")}

    assert found == {values["CLOCHE_OPERATOR_RUNTIME_CLASS_NAME"]}


def test_a_missing_runtime_class_ends_the_execution_as_pod_refused(
    runtime: Install, submit: Submit, finished: Finished
) -> None:
    end = finished(submit("print(1)", runtime("no-class", runtimeClassName=NO_CLASS)))

    assert (end["phase"], end["reason"]) == ("Error", "PodRefused")
    assert NO_CLASS in end["message"]
