"""Pods as JSON: the fields of k8s.io/api/core/v1 that the operator writes and reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloche_api.resources.metadata import ObjectMeta, OwnerReference


class ManifestMeta(TypedDict):
    """The metadata of a Pod that is not created yet."""

    name: str
    labels: dict[str, str]
    ownerReferences: list[OwnerReference]


class SeccompProfile(TypedDict):
    """Which filter of system calls the container runtime installs."""

    type: str


class AppArmorProfile(TypedDict):
    """Which AppArmor profile the container runtime applies."""

    type: str
    localhostProfile: NotRequired[str]


class PodSecurityContext(TypedDict):
    """The security settings of all containers."""

    runAsNonRoot: bool
    runAsUser: int
    runAsGroup: int
    seccompProfile: SeccompProfile
    appArmorProfile: NotRequired[AppArmorProfile]


class Capabilities(TypedDict):
    """The changes of a container's capabilities."""

    drop: list[str]


class SecurityContext(TypedDict):
    """The security settings of one container."""

    allowPrivilegeEscalation: bool
    privileged: bool
    readOnlyRootFilesystem: bool
    capabilities: Capabilities


class Requirements(TypedDict):
    """Limits and requests, each by the name of the resource."""

    limits: dict[str, str]
    requests: dict[str, str]


class VolumeMount(TypedDict):
    """Where a container sees a volume."""

    name: str
    mountPath: str
    readOnly: NotRequired[bool]


class Container(TypedDict):
    """A container."""

    name: str
    image: str
    imagePullPolicy: str
    command: list[str]
    workingDir: str
    stdin: bool
    stdinOnce: bool
    terminationMessagePath: str
    securityContext: SecurityContext
    resources: Requirements
    volumeMounts: list[VolumeMount]


class EmptyDir(TypedDict):
    """A directory that exists as long as the Pod."""

    medium: str
    sizeLimit: str


class Volume(TypedDict):
    """A volume."""

    name: str
    emptyDir: EmptyDir


class DnsConfig(TypedDict):
    """The resolver's configuration."""

    nameservers: list[str]


class LocalReference(TypedDict):
    """A reference to an object in the same namespace."""

    name: str


class PodSpec(TypedDict):
    """The spec of a Pod."""

    restartPolicy: str
    terminationGracePeriodSeconds: int
    activeDeadlineSeconds: NotRequired[int]
    automountServiceAccountToken: bool
    enableServiceLinks: bool
    dnsPolicy: str
    dnsConfig: DnsConfig
    hostname: str
    hostUsers: NotRequired[bool]
    securityContext: PodSecurityContext
    containers: list[Container]
    volumes: list[Volume]
    nodeSelector: dict[str, str]
    tolerations: Sequence[Mapping[str, Any]]
    runtimeClassName: NotRequired[str]
    priorityClassName: NotRequired[str]
    imagePullSecrets: NotRequired[list[LocalReference]]
    nodeName: NotRequired[str]
    """Set by the scheduler."""
    overhead: NotRequired[dict[str, str]]
    """Set by the RuntimeClass."""


class PodManifest(TypedDict):
    """A Pod to create."""

    apiVersion: str
    kind: str
    metadata: ManifestMeta
    spec: PodSpec


class JsonPatch(TypedDict):
    """One operation of a JSON patch (RFC 6902)."""

    op: str
    path: str
    value: Any


class PodConditionDict(TypedDict):
    """A condition of a Pod."""

    type: str
    status: str
    reason: NotRequired[str]
    message: NotRequired[str]


class WaitingDict(TypedDict):
    """The state of a container that has not started."""

    reason: NotRequired[str]
    message: NotRequired[str]


class TerminatedDict(TypedDict):
    """The state of a container that has ended."""

    exitCode: int
    reason: NotRequired[str]
    message: NotRequired[str]


class ContainerStateDict(TypedDict):
    """The state of a container: one of these fields."""

    waiting: NotRequired[WaitingDict]
    running: NotRequired[dict[str, str]]
    terminated: NotRequired[TerminatedDict]


class ContainerStatusDict(TypedDict):
    """The status of a container."""

    state: NotRequired[ContainerStateDict]


class PodStatusDict(TypedDict):
    """The status of a Pod."""

    phase: NotRequired[str]
    reason: NotRequired[str]
    message: NotRequired[str]
    conditions: NotRequired[list[PodConditionDict]]
    containerStatuses: NotRequired[list[ContainerStatusDict]]


class PodDict(TypedDict):
    """A Pod, as the API server returns it."""

    metadata: ObjectMeta
    spec: PodSpec
    status: NotRequired[PodStatusDict]
