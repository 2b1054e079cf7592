"""What can be set, from the environment: CLOCHE_OPERATOR_ and the field's name in capitals.

The order is that of `operator` and `sandbox` in the chart's values.yaml.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from cloche_api import quantity
from cloche_api.limits import MIB
from cloche_api.logs import LogFormat, LogLevel
from cloche_api.write_limit import BYTES_DEFAULT, BYTES_PER_TENANT_DEFAULT


class Settings(BaseSettings):
    """Every setting, its unit and the reason for its default."""

    model_config = SettingsConfigDict(
        env_prefix="CLOCHE_OPERATOR_", extra="forbid", frozen=True, use_attribute_docstrings=True
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
    pod_request_cpu: str = "50m"
    """CPU that a Pod reserves, far below its limit: a pool of waiting Pods must fit a laptop."""
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
    queue_length: int = Field(default=1000, ge=1)
    """Executions that may wait for capacity; more end as QueueFull."""
    queue_timeout_seconds: float = Field(default=60, gt=0)
    """Seconds that an execution may wait for capacity: longer than any client is patient."""
    start_timeout_seconds: float = Field(default=60, gt=0)
    """Seconds from the Pod's creation to its first answer: a cold image pull fits in."""
    start_concurrency: int = Field(default=4, ge=1)
    """Pods that the pools start at a time: more of them together start no faster on two cores."""
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
