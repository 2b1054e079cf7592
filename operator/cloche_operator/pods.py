"""The manifest of a sandbox Pod. Pure: the same arguments give the same Pod.

Every field that keeps a program in stands here; docs/pod.md says what each is for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloche_api import meta, quantity

if TYPE_CHECKING:
    from cloche_api.amounts import UsedResources
    from cloche_api.runtime import RuntimeSpec
    from cloche_operator.execution import Execution
    from cloche_operator.settings import Settings

CONTAINER = "sandbox"
COMPONENT = {meta.LABEL_COMPONENT: "sandbox"}
SUPERVISOR = ["python3", "-I", "-S", "/opt/cloche"]

FIRST_UID, LAST_UID = 10_000, 19_999
"""Users that every runtime image knows, below 65536 because of user namespaces."""

_GRACE_SECONDS = 1  # the supervisor ends at once on SIGTERM
_EPHEMERAL_STORAGE = "64Mi"  # the container's log, of which the supervisor writes 6 MiB at most
_BACKSTOP_SECONDS = 60  # beyond every other timeout, for an operator that is away


@dataclass(frozen=True)
class PodPlan:
    """What the manifest of one execution's Pod depends on besides the settings."""

    execution: Execution
    runtime_name: str
    runtime: RuntimeSpec
    used: UsedResources
    user: int


def pod_name(uid: str) -> str:
    """The name of an execution's own Pod: of one execution there can be only one at a time."""
    return f"sbx-{uid}"


def cold_pod(plan: PodPlan, settings: Settings) -> dict[str, Any]:
    """The Pod that is made for one execution."""
    execution = plan.execution
    life = settings.start_timeout_seconds + execution.spec.timeout_seconds
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod_name(execution.uid),
            "labels": COMPONENT
            | {
                "app.kubernetes.io/part-of": "cloche",
                meta.LABEL_RUNTIME: plan.runtime_name,
                meta.LABEL_EXECUTION: execution.uid,
            },
            "ownerReferences": [
                {
                    "apiVersion": meta.API_VERSION,
                    "kind": "SandboxExecution",
                    "name": execution.name,
                    "uid": execution.uid,
                    "controller": True,
                }
            ],
        },
        "spec": _spec(plan, settings, math.ceil(life + settings.grace_seconds) + _BACKSTOP_SECONDS),
    }


def _spec(plan: PodPlan, settings: Settings, deadline: int) -> dict[str, Any]:
    runtime = plan.runtime
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": deadline,
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "dnsPolicy": "None",
        "dnsConfig": {"nameservers": ["127.0.0.1"]},
        "hostname": "sandbox",
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": plan.user,
            "runAsGroup": plan.user,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(plan, settings)],
        "volumes": [
            {
                "name": "workspace",
                "emptyDir": {"medium": "Memory", "sizeLimit": str(plan.used.disk)},
            }
        ],
        "nodeSelector": settings.node_selector | (runtime.node_selector or {}),
        "tolerations": settings.tolerations
        + [t.model_dump(by_alias=True, exclude_none=True) for t in runtime.tolerations or []],
    }
    if settings.user_namespaces:
        spec["hostUsers"] = False
    if runtime_class := runtime.runtime_class_name or settings.runtime_class_name:
        spec["runtimeClassName"] = runtime_class
    if settings.priority_class_name:
        spec["priorityClassName"] = settings.priority_class_name
    if settings.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in settings.image_pull_secrets]
    return spec


def _container(plan: PodPlan, settings: Settings) -> dict[str, Any]:
    return {
        "name": CONTAINER,
        "image": plan.runtime.image,
        "imagePullPolicy": plan.runtime.image_pull_policy,
        "command": SUPERVISOR,
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
            "limits": {
                "cpu": str(plan.used.cpu),
                "memory": str(plan.used.memory),
                "ephemeral-storage": _EPHEMERAL_STORAGE,
            },
            "requests": {
                "cpu": _smaller(settings.pod_request_cpu, plan.used.cpu),
                "memory": _smaller(settings.pod_request_memory, plan.used.memory),
                "ephemeral-storage": "0",
            },
        },
        "volumeMounts": [{"name": "workspace", "mountPath": "/workspace"}],
    }


def _smaller(request: str, limit: str | int) -> str:
    """A request may not be more than the limit."""
    return request if quantity.parse(request) <= quantity.parse(limit) else str(limit)
