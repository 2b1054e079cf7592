"""The operator's settings: environment variables named CLOCHE_OPERATOR_ and the field's name.

Other variables with this prefix are rejected. The order is that of `operator` and `sandbox` in the
chart's values.yaml.
"""

from __future__ import annotations

import difflib
import os
import re
from typing import Any

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from cloche_api.accounting.write_limit import BYTES_DEFAULT, BYTES_PER_TENANT_DEFAULT
from cloche_api.limits import MIB
from cloche_api.logs import LogFormat, LogLevel
from cloche_api.resources import quantity

PREFIX = "CLOCHE_OPERATOR_"
_SERVICE_LINK = re.compile(
    PREFIX + r"(SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?|PORT(_\d+_(TCP|UDP|SCTP).*)?)"
)
"""Variables that Kubernetes sets for a Service named `cloche-operator` (`enableServiceLinks`)."""
_SLACK = 1.1  # times the gateways' limits on writes
_USERS_LEAST = 250  # Pods in a namespace's quota, each of which has a different user


class SettingsError(Exception):
    """Settings are unknown or invalid. The message has one line for each of them."""


class Settings(BaseSettings):
    """Every setting, its unit and the reason for its default."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    @field_validator("pod_request_cpu", "pod_request_memory")
    @classmethod
    def _is_quantity(cls, value: str) -> str:
        quantity.parse(value)
        return value

    @field_validator("storage_hard_bytes")
    @classmethod
    def _is_beyond_retention(cls, value: int, info: ValidationInfo) -> int:
        if value <= info.data.get("retention_bytes", 0):
            raise ValueError("storage_hard_bytes must be more than retention_bytes")
        return value

    @field_validator("last_user")
    @classmethod
    def _are_enough(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data.get("first_user", 0) + _USERS_LEAST - 1:
            raise ValueError(
                f"last_user must leave at least {_USERS_LEAST} users from first_user on"
            )
        return value

    @property
    def buffer_bytes(self) -> int:
        """Bytes that inputs and results in transit may take."""
        return self.memory_bytes // 4

    @property
    def litter_bytes(self) -> int:
        """Bytes of processed objects after which garbage is collected."""
        return self.memory_bytes // 8

    @property
    def write_limits(self) -> tuple[int, int]:
        """Bytes that all executions and those of one tenant may write to etcd within 10 minutes.

        They are a tenth more than the gateways' limits, so that a gateway refuses an execution
        before the operator does. Each leader starts at zero; the gateways know what the previous
        leader had counted, because they count their own executions and those that ended.
        """
        return int(self.write_bytes * _SLACK), int(self.write_bytes_per_tenant * _SLACK)

    namespace: str = "cloche-sandboxes"
    """The namespace of the executions, the runtimes and their Pods."""
    identity: str = ""
    """Name of this operator, its Pod's; empty for one that no other has."""
    lease_namespace: str = ""
    """The namespace of the Lease by which one operator leads; empty for the executions' own."""
    lease_name: str = "cloche-operator"
    """Name of that Lease."""
    lease_seconds: float = Field(default=10, ge=1)
    """Seconds after which an operator that was not heard of leads no more: longer than a busy
    node's pauses, short enough for those who wait."""
    runtime_class_name: str = ""
    """RuntimeClass of the Pods whose runtime names none; empty for the cluster's default."""
    user_namespaces: bool = False
    """Whether Pods get user namespaces (hostUsers: false). Off: not every node can."""
    app_armor_profile: str = Field(
        default="", pattern=r"^(RuntimeDefault|localhost/[!-~]{1,253})?$"
    )
    """AppArmor profile of the Pods: RuntimeDefault or localhost/NAME. Empty for the container
    runtime's own choice, for a node without AppArmor starts no Pod that names one."""
    first_user: int = Field(default=40_000, ge=1_000)
    """The first user that Pods run as. Nobody else on the nodes should have these: the kernel
    counts processes and inotify instances by user. The runtimes' images have names for the
    default's."""
    last_user: int = Field(default=49_999, le=65_533)
    """The last one: below 65534, which is nobody, and so are those beyond in a user namespace."""
    pod_request_cpu: str = "10m"
    """CPU that a Pod reserves, far below its limit: waiting and running Pods must fit a laptop, and
    when processors are busy its programs get this in proportion to what others reserve."""
    pod_request_memory: str = "64Mi"
    """Memory that a Pod reserves, for the same reason."""
    priority_class_name: str = ""
    """PriorityClass of the Pods; empty for the cluster's default."""
    node_selector: dict[str, str] = Field(default_factory=dict)
    """Labels of the nodes that Pods may run on, as JSON."""
    tolerations: list[dict[str, Any]] = Field(default_factory=list)
    """Taints that Pods tolerate, as JSON."""
    image_pull_secrets: list[str] = Field(default_factory=list)
    """Names of Secrets for the registry, as JSON."""
    capacity_share: float = Field(default=0.6, gt=0, le=10)
    """Part of the sandbox nodes' memory that running executions' limits may add up to. The rest
    is for the system and for Pods that wait."""
    cpu_overcommit: float = Field(default=12, gt=0, le=1000)
    """Times as many cores as the sandbox nodes have that running executions' limits may add up to:
    a program waits more than it computes. By memory some 5 default programs run for each core."""
    tenant_share: float = Field(default=0.9, gt=0, le=1)
    """Part of all that one tenant may hold, and of what sessions may; room for one default program
    is always left besides. What runs is never stopped for others, so it has to be free before."""
    session_share: float = Field(default=0.5, gt=0, le=1)
    """Part of all that sessions may hold: they do so for up to a day, used or not."""
    node_processes: int = Field(default=24_576, ge=0)
    """Processes and threads that programs may have on each node, in all: three quarters of Linux'
    pid_max of 32768, for no API says what a node has. 0: not counted."""
    node_open_files: int = Field(default=0, ge=0)
    """Files that programs may have open on each node, in all. 0: not counted, for systemd sets
    fs.file-max to more than any memory holds."""
    reserve_memory: bool = False
    """Whether Pods reserve all the memory that they may use: the scheduler then never puts more on
    a node than it has, and a pool's waiting Pods count in full."""
    memory_bytes: int = Field(default=512 * MIB, ge=128 * MIB)
    """The operator's own memory limit. Half of it is for outputs of what runs, 1 MiB each, and a
    quarter for inputs and results on their way."""
    queue_length: int = Field(default=1000, ge=1)
    """Executions and sessions that may wait; for more the tenant with the most loses its latest."""
    queue_length_per_tenant: int = Field(default=500, ge=1)
    """The same for each tenant; more end as QueueFull. Half: one alone cannot fill the queue."""
    queue_length_per_session: int = Field(default=20, ge=1)
    """Executions that may wait for their turn in one session: they run one after the other, so more
    would not come to their turn in time."""
    queue_bytes: int = Field(default=256 * MIB, ge=MIB)
    """Bytes of etcd that the inputs of all that wait may take: they and retention_bytes together
    leave a quarter of storage_hard_bytes for what runs."""
    queue_bytes_per_tenant: int = Field(default=128 * MIB, ge=MIB)
    """The same for each tenant."""
    queue_timeout_seconds: float = Field(default=60, gt=0)
    """Seconds that an execution may wait for capacity, or for its turn in a session: longer than
    any client is patient."""
    start_timeout_seconds: float = Field(default=60, gt=0)
    """Seconds from the Pod's creation to its first answer: a cold image pull fits in."""
    start_concurrency: int = Field(default=4, ge=1)
    """Pods that start at a time for the pools, and the least number for all together, which is two
    for each core: more of them together start no faster."""
    grace_seconds: float = Field(default=5, gt=0)
    """Seconds beyond the execution's own timeout after which the supervisor counts as hung."""
    drain_seconds: float = Field(default=10, ge=0)
    """Seconds that running executions get at shutdown; the next operator takes up the rest."""
    sweep_seconds: float = Field(default=30, gt=0)
    """Seconds between two sweeps for expired records and left-over Pods."""
    left_over_seconds: float = Field(default=60, ge=0)
    """Seconds beyond the time in which it must start, after which a Pod that is not attached and
    belongs to nothing unfinished is removed: whoever made it may be in the middle of that."""
    relist_seconds: float = Field(default=600, gt=0)
    """Seconds between two listings of all records, for what others deleted: it reads them all."""
    retention_executions: int = Field(default=20_000, ge=0)
    """Records that are kept, the oldest go first: what a listing of all may cost."""
    retention_bytes: int = Field(default=512 * MIB, ge=0)
    """Bytes that all records may take: etcd's default quota is 2 GiB."""
    retention_bytes_per_tenant: int = Field(default=128 * MIB, ge=0)
    """Bytes that the records of one tenant may take; without a tenant, of nobody's together."""
    storage_hard_bytes: int = Field(default=1024 * MIB, ge=1)
    """Bytes of executions, unfinished ones too, from which on new ones are refused: the records
    could not be removed as fast as they came, and a full etcd stops the cluster."""
    write_bytes: int = Field(default=BYTES_DEFAULT, ge=64 * MIB)
    """Bytes that all executions may write to etcd within 10 minutes: so much history it keeps.
    For executions that did not come through the gateway, which counts before it creates."""
    write_bytes_per_tenant: int = Field(default=BYTES_PER_TENANT_DEFAULT, ge=16 * MIB)
    """The same of one tenant's executions; without a tenant, of nobody's together."""
    http_port: int = Field(default=8080, ge=1, le=65535)
    """Port of /healthz, /readyz and /metrics."""
    log_format: LogFormat = LogFormat.JSON
    """json for machines, text for people."""
    log_level: LogLevel = LogLevel.INFO
    """The least level that is logged."""

    @property
    def users(self) -> range:
        """The UIDs that Pods run as, each used by one Pod at a time."""
        return range(self.first_user, self.last_user + 1)


def load() -> Settings:
    """Return the settings from the environment.

    Raises:
        SettingsError: a setting is unknown, or its value is invalid.
    """
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    unknown = [
        name
        for name in sorted(os.environ)
        if name.upper().startswith(PREFIX)
        and name.upper() not in known
        and not _SERVICE_LINK.fullmatch(name.upper())
    ]
    if unknown:
        lines = (
            f"{name}: there is no such setting; the nearest one is {_nearest(name.upper(), known)}"
            for name in unknown
        )
        raise SettingsError("\n".join(lines))
    try:
        return Settings()
    except ValidationError as error:
        lines = (f"{PREFIX}{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise SettingsError("\n".join(lines)) from None


def _nearest(name: str, known: list[str]) -> str:
    return difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
