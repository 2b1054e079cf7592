"""The manifest of a Pod for an execution, field by field."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from pydantic import ValidationError
from support.data import api_pods

from cloche_api.resources.amounts import UsedResources
from cloche_api.resources.runtime import RuntimeSpec
from cloche_api.resources.typed_objects import ExecutionDict
from cloche_operator.model.execution import from_object
from cloche_operator.model.pod_manifest import (
    PodShape,
    claim_patch,
    cold_pod,
    session_owner,
    session_pod,
    waiting_pod,
)
from cloche_operator.model.pod_types import PodManifest
from cloche_operator.model.resources import patience
from cloche_operator.settings import Settings

PYTHON = {"image": "cloche/runtime-python:abc", "fileName": "main.py", "run": {"command": ["x"]}}


def shape(runtime: dict[str, Any], used: dict[str, str]) -> PodShape:
    return PodShape(
        runtime_name="python",
        runtime_uid="runtime-uid",
        runtime=RuntimeSpec.model_validate(runtime),
        used=UsedResources.model_validate(used),
    )


def cold(
    obj: ExecutionDict, runtime: dict[str, Any], used: dict[str, str], settings: Settings
) -> PodManifest:
    return cold_pod(shape(runtime, used), 40_007, from_object(obj), settings)


USED = {"cpu": "1", "memory": "512Mi", "disk": "100Mi"}


def test_the_pod_of_an_execution_has_the_expected_manifest(
    execution_object: ExecutionDict, settings: Settings
) -> None:
    assert cold(execution_object, PYTHON, USED, settings) == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "sbx-5b0c1f0e-8a7f-4f57-9f0e-2f8f4b1f5a11",
            "labels": {
                "app.kubernetes.io/component": "sandbox",
                "app.kubernetes.io/part-of": "cloche",
                "cloche.dev/runtime": "python",
                "cloche.dev/state": "claimed",
                "cloche.dev/execution": "5b0c1f0e-8a7f-4f57-9f0e-2f8f4b1f5a11",
            },
            "ownerReferences": [
                {
                    "apiVersion": "cloche.dev/v1alpha1",
                    "kind": "SandboxExecution",
                    "name": "hello",
                    "uid": "5b0c1f0e-8a7f-4f57-9f0e-2f8f4b1f5a11",
                    "controller": True,
                }
            ],
        },
        "spec": {
            "restartPolicy": "Never",
            # start 60, timeout 30, grace 5, and a minute more
            "activeDeadlineSeconds": 159,
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "dnsPolicy": "None",
            "dnsConfig": {"nameservers": ["127.0.0.1"]},
            "hostname": "sandbox",
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 40_007,
                "runAsGroup": 40_007,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "sandbox",
                    "image": "cloche/runtime-python:abc",
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python3", "-I", "-S", "/opt/cloche"],
                    "workingDir": "/workspace",
                    "stdin": True,
                    "stdinOnce": True,
                    "terminationMessagePath": "/run/cloche/termination-log",
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "privileged": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "resources": {
                        "limits": {"cpu": "1", "memory": "512Mi", "ephemeral-storage": "64Mi"},
                        "requests": {"cpu": "10m", "memory": "64Mi", "ephemeral-storage": "0"},
                    },
                    "volumeMounts": [
                        {"name": "workspace", "mountPath": "/workspace"},
                        {"name": "workspace", "mountPath": "/dev/pts", "readOnly": True},
                        {"name": "shm", "mountPath": "/dev/shm"},
                    ],
                }
            ],
            "volumes": [
                {"name": "workspace", "emptyDir": {"medium": "Memory", "sizeLimit": "100Mi"}},
                {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "512Mi"}},
            ],
            "nodeSelector": {},
            "tolerations": [],
        },
    }


def test_the_settings_of_the_installation_are_set_on_the_pod(
    execution_object: ExecutionDict,
) -> None:
    settings = Settings(
        runtime_class_name="cloche-no-network",
        user_namespaces=True,
        pod_request_cpu="10m",
        pod_request_memory="32Mi",
        priority_class_name="sandbox",
        node_selector={"pool": "sandbox"},
        tolerations=[{"key": "sandbox", "operator": "Exists"}],
        image_pull_secrets=["registry"],
        start_timeout_seconds=10,
        grace_seconds=0.5,
    )
    runtime = PYTHON | {
        "imagePullPolicy": "Never",
        "nodeSelector": {"gpu": "none"},
        "tolerations": [{"key": "slow", "effect": "NoSchedule"}],
    }
    spec = cold(execution_object, runtime, USED, settings)["spec"]
    assert spec["runtimeClassName"] == "cloche-no-network"
    assert spec["hostUsers"] is False
    assert spec["priorityClassName"] == "sandbox"
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    assert spec["nodeSelector"] == {"pool": "sandbox", "gpu": "none"}
    assert spec["tolerations"] == [
        {"key": "sandbox", "operator": "Exists"},
        {"key": "slow", "effect": "NoSchedule"},
    ]
    assert spec["activeDeadlineSeconds"] == 104
    assert spec["containers"][0]["imagePullPolicy"] == "Never"
    assert spec["containers"][0]["resources"]["requests"] == {
        "cpu": "10m",
        "memory": "32Mi",
        "ephemeral-storage": "0",
    }


def test_the_runtime_class_of_a_runtime_overrides_the_installations(
    execution_object: ExecutionDict,
) -> None:
    settings = Settings(runtime_class_name="cloche-no-network")
    runtime = PYTHON | {"runtimeClassName": "gvisor"}
    assert cold(execution_object, runtime, USED, settings)["spec"]["runtimeClassName"] == ("gvisor")


@pytest.mark.parametrize(
    ("profile", "field"),
    [
        ("", None),
        ("RuntimeDefault", {"type": "RuntimeDefault"}),
        ("localhost/sandbox", {"type": "Localhost", "localhostProfile": "sandbox"}),
        ("localhost/a/b", {"type": "Localhost", "localhostProfile": "a/b"}),
    ],
)
def test_the_app_armor_profile_of_the_installation_is_set_on_the_pod(
    execution_object: ExecutionDict, profile: str, field: dict[str, str] | None
) -> None:
    spec = cold(execution_object, PYTHON, USED, Settings(app_armor_profile=profile))["spec"]
    assert spec["securityContext"].get("appArmorProfile") == field


@pytest.mark.parametrize("profile", ["Unconfined", "unconfined", "localhost/", "localhost/a b"])
def test_the_profile_unconfined_or_one_without_a_name_is_rejected(profile: str) -> None:
    with pytest.raises(ValidationError, match="app_armor_profile"):
        Settings(app_armor_profile=profile)


@pytest.mark.parametrize(
    ("cpu", "memory", "requests"),
    [
        ("2", "2Gi", {"cpu": "10m", "memory": "64Mi"}),
        ("9m", "63Mi", {"cpu": "9m", "memory": "63Mi"}),
        ("0.005", "16M", {"cpu": "0.005", "memory": "16M"}),
    ],
)
def test_no_resource_request_is_more_than_its_limit(
    execution_object: ExecutionDict,
    settings: Settings,
    cpu: str,
    memory: str,
    requests: dict[str, str],
) -> None:
    used = {"cpu": cpu, "memory": memory, "disk": "1Mi"}
    pod = cold(execution_object, PYTHON, used, settings)
    resources = pod["spec"]["containers"][0]["resources"]
    assert resources["requests"] == requests | {"ephemeral-storage": "0"}
    assert resources["limits"] == {"cpu": cpu, "memory": memory, "ephemeral-storage": "64Mi"}


def test_the_deadline_of_a_pod_covers_the_longest_program(
    execution_object: ExecutionDict, settings: Settings
) -> None:
    execution_object["spec"]["timeoutSeconds"] = 300
    pod = cold(execution_object, PYTHON, USED, settings)
    assert pod["spec"]["activeDeadlineSeconds"] == 60 + 300 + 9 + 60


def test_the_same_input_gives_the_same_pod(
    execution_object: ExecutionDict, settings: Settings
) -> None:
    one, two = (cold(execution_object, PYTHON, USED, settings) for _ in range(2))
    one["metadata"]["labels"]["changed"] = "here"
    one["spec"]["containers"][0]["command"] = []
    assert "changed" not in two["metadata"]["labels"]
    assert cold(execution_object, PYTHON, USED, settings) == two


def test_a_waiting_pod_is_owned_by_the_runtime_and_has_no_deadline(
    execution_object: ExecutionDict, settings: Settings
) -> None:
    waiting = waiting_pod(shape(PYTHON, USED), 40_007, "sbx-python-1", settings)
    assert waiting["metadata"] == {
        "name": "sbx-python-1",
        "labels": {
            "app.kubernetes.io/component": "sandbox",
            "app.kubernetes.io/part-of": "cloche",
            "cloche.dev/runtime": "python",
            "cloche.dev/state": "waiting",
        },
        "ownerReferences": [
            {
                "apiVersion": "cloche.dev/v1alpha1",
                "kind": "SandboxRuntime",
                "name": "python",
                "uid": "runtime-uid",
                "controller": True,
            }
        ],
    }
    one_s_own = cold(execution_object, PYTHON, USED, settings)["spec"]
    assert waiting["spec"] | {"activeDeadlineSeconds": 159} == one_s_own


def test_the_deadline_of_a_session_pod_covers_the_sessions_lifetime(settings: Settings) -> None:
    pod = session_pod(shape(PYTHON, USED), 40_007, ("sbs-1", "session-uid"), 3600, settings)
    assert pod["metadata"]["labels"]["cloche.dev/session"] == "session-uid"
    assert pod["metadata"]["ownerReferences"][0]["kind"] == "SandboxSession"
    assert pod["spec"]["activeDeadlineSeconds"] == 3600 + 60 + 60


def test_a_claim_patch_tests_that_the_pod_waits_and_sets_its_deadline() -> None:
    pod = api_pods.pod(uid="pod-uid", creationTimestamp="2026-01-02T03:04:05Z")
    at = datetime.fromisoformat("2026-01-02T04:04:05.5Z")
    owner = session_owner("sbs-1", "session-uid")
    assert claim_patch(pod, at, 30, {"cloche.dev/execution": "uid"}, owner) == [
        {"op": "test", "path": "/metadata/uid", "value": "pod-uid"},
        {"op": "test", "path": "/metadata/labels/cloche.dev~1state", "value": "waiting"},
        {"op": "replace", "path": "/metadata/labels/cloche.dev~1state", "value": "claimed"},
        {"op": "add", "path": "/spec/activeDeadlineSeconds", "value": 3600 + 31 + 60},
        {"op": "add", "path": "/metadata/labels/cloche.dev~1execution", "value": "uid"},
        {"op": "replace", "path": "/metadata/ownerReferences", "value": [owner]},
    ]


def test_a_pod_requests_all_its_memory_where_that_is_set(execution_object: ExecutionDict) -> None:
    pod = cold(execution_object, PYTHON, USED, Settings(reserve_memory=True))
    resources = pod["spec"]["containers"][0]["resources"]
    assert resources["requests"]["memory"] == resources["limits"]["memory"] == "512Mi"
    assert resources["requests"]["cpu"] == "10m"


@pytest.mark.parametrize(
    ("cpu", "seconds"), [("2", 8.25), ("1", 8.5), ("100m", 13), ("0.01", 58), ("1m", 58)]
)
def test_a_supervisor_with_less_cpu_gets_more_time_to_end_its_program(
    settings: Settings, cpu: str, seconds: float
) -> None:
    used = UsedResources.model_validate(USED | {"cpu": cpu})
    assert patience(used, settings) == pytest.approx(seconds)


def test_the_deadline_of_a_pod_covers_the_supervisors_grace_time(
    execution_object: ExecutionDict, settings: Settings
) -> None:
    slow = cold(execution_object, PYTHON, USED | {"cpu": "0.01"}, settings)
    assert slow["spec"]["activeDeadlineSeconds"] == 60 + 30 + 58 + 60
