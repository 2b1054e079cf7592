"""The manifest of a sandbox Pod. Pure: the same arguments give the same Pod.

All fields that confine a program are set here; docs/design/pod.md explains each of them. The
chart's templates/sandbox/pods.yaml makes the API server reject Pods that differ in any of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_api import meta
from cloche_api.resources import quantity
from cloche_operator.model.execution import own_pod_name
from cloche_operator.model.resources import patience

if TYPE_CHECKING:
    from datetime import datetime

    from cloche_api.resources.amounts import UsedResources
    from cloche_api.resources.metadata import OwnerReference
    from cloche_api.resources.runtime import RuntimeSpec
    from cloche_operator.model.execution import Execution
    from cloche_operator.model.pod import Pod
    from cloche_operator.model.pod_types import (
        AppArmorProfile,
        Container,
        JsonPatch,
        PodManifest,
        PodSpec,
        Volume,
    )
    from cloche_operator.settings import Settings

COMPONENT = {meta.LABEL_COMPONENT: "sandbox"}
SUPERVISOR = ["python3", "-I", "-S", "/opt/cloche"]

_GRACE_SECONDS = 1  # the supervisor ends at once on SIGTERM
_EPHEMERAL_STORAGE = "64Mi"  # for the log, of which the supervisor writes at most 10 MiB
_BACKSTOP_SECONDS = 60  # after all other timeouts, for when no operator runs
_STATE = "/metadata/labels/" + meta.LABEL_STATE.replace("/", "~1")


@dataclass(frozen=True)
class PodShape:
    """The properties of Pods that can run the same executions."""

    runtime_name: str
    runtime_uid: str
    runtime: RuntimeSpec
    used: UsedResources


def cold_pod(shape: PodShape, user: int, execution: Execution, settings: Settings) -> PodManifest:
    """Return the Pod for one execution."""
    life = settings.start_timeout_seconds + execution.spec.total_seconds
    life += patience(shape.used, settings)
    labels = {meta.LABEL_STATE: meta.STATE_CLAIMED, meta.LABEL_EXECUTION: execution.uid}
    pod = _pod(
        shape, user, own_pod_name(execution.uid), labels, execution_owner(execution), settings
    )
    pod["spec"]["activeDeadlineSeconds"] = math.ceil(life) + _BACKSTOP_SECONDS
    return pod


def waiting_pod(shape: PodShape, user: int, name: str, settings: Settings) -> PodManifest:
    """Return a Pod that waits for an execution. The claim sets its deadline."""
    owner = _owner("SandboxRuntime", shape.runtime_name, shape.runtime_uid)
    labels = {meta.LABEL_STATE: meta.STATE_WAITING}
    return _pod(shape, user, name, labels, owner, settings)


def session_pod(
    shape: PodShape, user: int, session: tuple[str, str], life: float, settings: Settings
) -> PodManifest:
    """Return the Pod of a session (name and uid). `life`: its lifetime in seconds."""
    labels = {meta.LABEL_STATE: meta.STATE_CLAIMED, meta.LABEL_SESSION: session[1]}
    owner = session_owner(*session)
    pod = _pod(shape, user, own_pod_name(session[1]), labels, owner, settings)
    seconds = life + settings.start_timeout_seconds
    pod["spec"]["activeDeadlineSeconds"] = math.ceil(seconds) + _BACKSTOP_SECONDS
    return pod


def execution_owner(execution: Execution) -> OwnerReference:
    """Return the owner reference to an execution."""
    return _owner("SandboxExecution", execution.name, execution.uid)


def session_owner(name: str, uid: str) -> OwnerReference:
    """Return the owner reference to a session."""
    return _owner("SandboxSession", name, uid)


def claim_patch(
    pod: Pod,
    now: datetime,
    life: float,
    labels: dict[str, str],
    owner: OwnerReference | None = None,
) -> list[JsonPatch]:
    """Return the JSON patch that takes a Pod out of the pool, if it is still in it.

    `life`: seconds that the Pod may live from now on. The deadline counts from the Pod's start,
    which is later than its creation.
    """
    age = (now - pod.created).total_seconds()
    deadline = math.ceil(max(age, 0) + life) + _BACKSTOP_SECONDS
    patch: list[JsonPatch] = [
        {"op": "test", "path": "/metadata/uid", "value": pod.uid},
        {"op": "test", "path": _STATE, "value": meta.STATE_WAITING},
        {"op": "replace", "path": _STATE, "value": meta.STATE_CLAIMED},
        {"op": "add", "path": "/spec/activeDeadlineSeconds", "value": deadline},
    ]
    for name, value in labels.items():
        path = "/metadata/labels/" + name.replace("/", "~1")
        patch.append({"op": "add", "path": path, "value": value})
    if owner is not None:
        patch.append({"op": "replace", "path": "/metadata/ownerReferences", "value": [owner]})
    return patch


def _owner(kind: str, name: str, uid: str) -> OwnerReference:
    return {
        "apiVersion": meta.API_VERSION,
        "kind": kind,
        "name": name,
        "uid": uid,
        "controller": True,
    }


def _pod(  # noqa: PLR0913, PLR0917  the parts of one manifest
    shape: PodShape,
    user: int,
    name: str,
    labels: dict[str, str],
    owner: OwnerReference,
    settings: Settings,
) -> PodManifest:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": COMPONENT
            | {"app.kubernetes.io/part-of": "cloche", meta.LABEL_RUNTIME: shape.runtime_name}
            | labels,
            "ownerReferences": [owner],
        },
        "spec": _spec(shape, user, settings),
    }


def _spec(shape: PodShape, user: int, settings: Settings) -> PodSpec:
    runtime = shape.runtime
    spec: PodSpec = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "dnsPolicy": "None",
        "dnsConfig": {"nameservers": ["127.0.0.1"]},
        "hostname": "sandbox",
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": user,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(shape, settings)],
        "volumes": [
            _memory_volume("workspace", shape.used.disk),
            # As large as the memory limit, which a program therefore reaches first: a page beyond
            # a volume's size would end it with SIGBUS.
            _memory_volume("shm", shape.used.memory),
        ],
        "nodeSelector": settings.node_selector | (runtime.node_selector or {}),
        "tolerations": settings.tolerations
        + [t.model_dump(by_alias=True, exclude_none=True) for t in runtime.tolerations or []],
    }
    if settings.app_armor_profile:
        spec["securityContext"]["appArmorProfile"] = _app_armor(settings.app_armor_profile)
    if settings.user_namespaces:
        spec["hostUsers"] = False
    if runtime_class := runtime.runtime_class_name or settings.runtime_class_name:
        spec["runtimeClassName"] = runtime_class
    if settings.priority_class_name:
        spec["priorityClassName"] = settings.priority_class_name
    if settings.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in settings.image_pull_secrets]
    return spec


def _memory_volume(name: str, size: str | int) -> Volume:
    return {"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": str(size)}}


def _app_armor(profile: str) -> AppArmorProfile:
    """Return the field for `RuntimeDefault` or `localhost/NAME`."""
    kind, _, name = profile.partition("/")
    if name:
        return {"type": "Localhost", "localhostProfile": name}
    return {"type": kind}


def _container(shape: PodShape, settings: Settings) -> Container:
    return {
        "name": meta.CONTAINER,
        "image": shape.runtime.image,
        "imagePullPolicy": shape.runtime.image_pull_policy,
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
                "cpu": str(shape.used.cpu),
                "memory": str(shape.used.memory),
                "ephemeral-storage": _EPHEMERAL_STORAGE,
            },
            "requests": {
                "cpu": _smaller(settings.pod_request_cpu, shape.used.cpu),
                "memory": str(shape.used.memory)
                if settings.reserve_memory
                else _smaller(settings.pod_request_memory, shape.used.memory),
                "ephemeral-storage": "0",
            },
        },
        "volumeMounts": [
            {"name": "workspace", "mountPath": "/workspace"},
            # It hides the terminals: the kernel limits their number for the whole node, and their
            # memory is not charged to any container.
            {"name": "workspace", "mountPath": "/dev/pts", "readOnly": True},
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108 - not a file
        ],
    }


def _smaller(request: str, limit: str | int) -> str:
    """Return the request, or the limit if that is lower."""
    return request if quantity.parse(request) <= quantity.parse(limit) else str(limit)
