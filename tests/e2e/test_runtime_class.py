"""A RuntimeClass that one SandboxRuntime names: every kind of Pod of that language runs in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from support.deadline import until
from support.installation import SANDBOXES, Kubectl

CLASS = "test-own-class"
HANDLER = "runc"
"""Every containerd has it under this name, in addition to the installation's handler."""
NO_CLASS = "test-there-is-no-such-class"
FILLED_SECONDS = 90


@pytest.fixture(scope="module")
def runtime_class(kubectl: Kubectl) -> Iterator[str]:
    manifest = {
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": CLASS},
        "handler": HANDLER,
    }
    kubectl("apply", "-f", "-", input_=json.dumps(manifest))
    yield CLASS
    kubectl("delete", "runtimeclass", CLASS)


@pytest.fixture(scope="module")
def language(runtime_class: str, runtime: Any, kubectl: Kubectl) -> str:
    """A runtime that names the class, with one Pod that waits."""
    name: str = runtime("own-class", runtimeClassName=runtime_class, pool={"size": 1})
    until(lambda: kubectl.pool_is_full(name), FILLED_SECONDS, "the Pod to wait")
    return name


def waiting(kubectl: Kubectl, language: str) -> list[dict[str, Any]]:
    labels = f"cloche.dev/runtime={language},cloche.dev/state=waiting"
    found: list[dict[str, Any]] = kubectl.json("get", "pods", "-n", SANDBOXES, "-l", labels)[
        "items"
    ]
    return found


def test_the_pod_that_waits(kubectl: Kubectl, language: str, submit: Any, finished: Any) -> None:
    until(lambda: kubectl.pool_is_full(language), FILLED_SECONDS, "the Pod to wait")
    [pod] = waiting(kubectl, language)
    assert pod["spec"]["runtimeClassName"] == CLASS

    end = finished(submit("print(1)", language))

    assert (end["reason"], end["stdout"], end["warm"]) == ("Exited", "1\n", True)
    assert end["podUID"] == pod["metadata"]["uid"]


def test_the_pod_of_one_execution(
    kubectl: Kubectl, language: str, submit: Any, running_pod: Any
) -> None:
    name = submit("import time\ntime.sleep(20)", language, resources={"memory": "256Mi"})

    pod = running_pod(name)
    kubectl("delete", "sbx", name, "-n", SANDBOXES)

    assert pod["metadata"]["name"] == f"sbx-{pod['metadata']['labels']['cloche.dev/execution']}"
    assert pod["spec"]["runtimeClassName"] == CLASS


def test_the_pod_of_a_session(kubectl: Kubectl, language: str, http: httpx.Client) -> None:
    # Other limits than the pool's, to get a new Pod; a new language is known within seconds.
    asked = {"language": language, "resources": {"memory_mb": 256}}
    until(lambda: language in http.get("/api/v1/execute/languages").json(), 10, "it to be listed")
    answer = http.post("/api/v1/sessions", json=asked)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    session = answer.json()["session_id"]

    pod = kubectl.json("get", "sbs", session, "-n", SANDBOXES)["status"]["podName"]
    found = kubectl.json("get", "pod", pod, "-n", SANDBOXES)
    http.delete(f"/api/v1/sessions/{session}")

    assert "cloche.dev/session" in found["metadata"]["labels"]
    assert found["spec"]["runtimeClassName"] == CLASS


@pytest.mark.usefixtures("language")
def test_the_other_languages_keep_the_installation_s(kubectl: Kubectl) -> None:
    until(lambda: kubectl.pool_is_full("python"), FILLED_SECONDS, "the pool of python")
    deployment = kubectl.json("get", "deployment", "cloche-operator", "-n", "cloche-system")
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    values = {one["name"]: one.get("value", "") for one in container["env"]}

    found = {pod["spec"].get("runtimeClassName", "") for pod in waiting(kubectl, "python")}

    assert found == {values["CLOCHE_OPERATOR_RUNTIME_CLASS_NAME"]}


def test_a_class_that_is_not_there(runtime: Any, submit: Any, finished: Any) -> None:
    end = finished(submit("print(1)", runtime("no-class", runtimeClassName=NO_CLASS)))

    assert (end["phase"], end["reason"]) == ("Error", "PodRefused")
    assert NO_CLASS in end["message"]
