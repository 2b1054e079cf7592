"""The operator's settings: environment variables named CLOCHE_OPERATOR_ and the field's name.

Other variables with this prefix are rejected. The order is that of `operator` and `sandbox` in the
chart's values.yaml.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from cloche_api.accounting.write_limit import BYTES_DEFAULT, BYTES_PER_TENANT_DEFAULT
from cloche_api.limits import MIB
from cloche_api.logs import LogFormat, LogLevel
from cloche_api.resources import quantity
from cloche_api.settings import SettingsError, reject_unknown

PREFIX = "CLOCHE_OPERATOR_"
_SLACK = 1.1  # times the gateways' limits on writes
_USERS_LEAST = 250  # Pods in a namespace's quota, each of which has a different user


class Settings(BaseSettings):
    """Settings of the operator, with reasons for the defaults.

    `make settings-docs` writes the descriptions into docs/operate/configure.md.
    """

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
    def write_limits(self) -> tuple[int, int]:
        """Bytes that all executions and those of one tenant may write to etcd within 10 minutes.

        They are a tenth more than the gateways' limits, so that a gateway refuses an execution
        before the operator does. Each leader starts at zero; the gateways know what the previous
        leader had counted, because they count their own executions and those that ended.
        """
        return int(self.write_bytes * _SLACK), int(self.write_bytes_per_tenant * _SLACK)

    namespace: str = "cloche-sandboxes"
    """Namespace of executions, sessions, runtimes and their Pods."""
    identity: str = ""
    """Name of this operator in the Lease. Empty: a random name."""
    lease_namespace: str = ""
    """Namespace of the Lease. Empty: `NAMESPACE`."""
    lease_name: str = "cloche-operator"
    """Name of the Lease. The chart's Role allows only this name."""
    lease_seconds: float = Field(default=10, ge=1)
    """Time without a renewal after which another operator may lead: longer than the pauses of a
    busy node, short enough for waiting clients."""
    runtime_class_name: str = ""
    """RuntimeClass of sandbox Pods whose runtime names none. Empty: the cluster's default."""
    user_namespaces: bool = False
    """Whether sandbox Pods have user namespaces (`hostUsers: false`). Every node must support
    them."""
    app_armor_profile: str = Field(
        default="", pattern=r"^(RuntimeDefault|localhost/[!-~]{1,253})?$"
    )
    """AppArmor profile of sandbox Pods, `RuntimeDefault` or `localhost/NAME`. A node without
    AppArmor then starts no sandbox Pod. Empty: the container runtime's choice."""
    first_user: int = Field(default=40_000, ge=1_000)
    """First UID of sandbox Pods; each live Pod has a different one. No other process on the nodes
    should have these UIDs, because the kernel counts processes and inotify instances by UID. The
    images have names for the default range; for another one build the base image with `--build-arg
    FIRST_USER=… --build-arg LAST_USER=…`."""
    last_user: int = Field(default=49_999, le=65_533)
    """Last UID: below 65534, which represents every unmapped UID in a user namespace. The range
    must have at least 250 UIDs; its size is the most Pods that can live at a time."""
    pod_request_cpu: str = "10m"
    """CPU that a sandbox Pod requests, far below its limit so that waiting and running Pods fit a
    laptop. When processors are busy, programs get them in proportion to it."""
    pod_request_memory: str = "64Mi"
    """Memory that a sandbox Pod requests, for the same reason."""
    priority_class_name: str = ""
    """PriorityClass of sandbox Pods. Empty: the cluster's default."""
    node_selector: dict[str, str] = Field(default_factory=dict)
    """Labels of the nodes for sandbox Pods, as JSON. Only these nodes count as capacity."""
    tolerations: list[dict[str, Any]] = Field(default_factory=list)
    """Taints that sandbox Pods tolerate, as JSON."""
    image_pull_secrets: list[str] = Field(default_factory=list)
    """Names of Secrets in the sandbox namespace for the registry, as JSON."""
    capacity_share: float = Field(default=0.6, gt=0, le=1)
    """Share of the sandbox nodes' allocatable memory that the limits of running executions may add
    up to. The rest is for the system and waiting Pods. Raise it if the sandbox nodes run nothing
    else."""
    cpu_overcommit: float = Field(default=12, gt=0, le=1000)
    """Multiple of the sandbox nodes' cores that the CPU limits of running executions may add up to:
    programs wait more than they compute. By memory about 5 default programs run for each core.
    Lower it if programs compute all the time."""
    tenant_share: float = Field(default=0.9, gt=0, le=1)
    """Share of all capacity that one tenant may hold, and of the sessions' part. Room for one
    default program always remains. Running programs are never stopped for others, so this holds
    even while no other tenant waits. With a single tenant, set 1."""
    session_share: float = Field(default=0.5, gt=0, le=1)
    """Share of all capacity that sessions may hold, for up to a day. Change it if sessions are
    unused, or if most executions use one."""
    node_processes: int = Field(default=24_576, ge=0)
    """Processes and threads of all programs on a node. The default is three quarters of Linux'
    default `pid_max` (32768), because no API returns a node's value. 0: not counted."""
    node_open_files: int = Field(default=0, ge=0)
    """Open files of all programs on a node. 0: not counted, because systemd sets `fs.file-max`
    higher than memory allows."""
    reserve_memory: bool = False
    """Whether sandbox Pods request all the memory that they may use, so that the scheduler never
    gives a node more than it has. For several sandbox nodes. Each waiting Pod then takes its whole
    limit."""
    memory_bytes: int = Field(default=512 * MIB, ge=128 * MIB)
    """Memory of the operator. Half of it is for the output of running programs, 1 MiB each, so
    512 MiB allow 256 at a time; a quarter is for inputs and results in transit. Raise it by 2 MiB
    for each further program."""
    queue_length: int = Field(default=1000, ge=1)
    """Executions and sessions that may wait in all. When the queue is full, the tenant with the
    most loses its latest (QueueFull)."""
    queue_length_per_tenant: int = Field(default=500, ge=1)
    """Executions and sessions of one tenant that may wait; more end as QueueFull. With half of
    `QUEUE_LENGTH` one tenant cannot fill the queue."""
    queue_length_per_session: int = Field(default=20, ge=1)
    """Executions that may wait for their turn in one session, which runs them one after the other.
    More would reach their queue timeout."""
    queue_bytes: int = Field(default=256 * MIB, ge=MIB)
    """Bytes of etcd that the inputs of all waiting executions may take. Together with
    `RETENTION_BYTES` it leaves a quarter of `STORAGE_HARD_BYTES` for running ones."""
    queue_bytes_per_tenant: int = Field(default=128 * MIB, ge=MIB)
    """The same for one tenant."""
    queue_timeout_seconds: float = Field(default=60, gt=0)
    """Time that an execution may wait for capacity or for its turn in a session; then it ends as
    QueueTimeout. Raise it if your clients wait longer."""
    start_timeout_seconds: float = Field(default=60, gt=0)
    """Time from the creation of a Pod to its first answer, including the image pull. Raise it if
    images are large or the registry is slow."""
    start_concurrency: int = Field(default=4, ge=1)
    """Pods that start at a time for the pools, over all runtimes. Executions and pools together
    start this number at a time, or two for each core of the nodes if that is more; while others run
    programs, the tenant that holds most has a quarter of it. More starts at a time are not
    faster."""
    grace_seconds: float = Field(default=5, gt=0)
    """Time after the execution's own timeout (and 3 s, and the supervisor's own processor time)
    until the supervisor counts as hung."""
    drain_seconds: float = Field(default=10, ge=0)
    """Time at shutdown for running executions to end; the next operator takes over the rest. Less
    than `operator.terminationGracePeriodSeconds` of the chart."""
    sweep_seconds: float = Field(default=30, gt=0)
    """Interval of the sweeps for missed executions, left-over Pods and expired records."""
    left_over_seconds: float = Field(default=60, ge=0)
    """Time after `START_TIMEOUT_SECONDS` until a Pod that is not attached and belongs to nothing
    unfinished is removed, because another operator may be about to record it."""
    relist_seconds: float = Field(default=600, gt=0)
    """Interval of the listings of all records, which find what others deleted. Each reads all
    records."""
    retention_executions: int = Field(default=20_000, ge=0)
    """Records that are kept, so that a listing of all stays affordable. Beyond this and the next
    two bounds, the oldest record of the tenant that has most is removed."""
    retention_bytes: int = Field(default=512 * MIB, ge=0)
    """Bytes that all records may take; etcd's default quota is 2 GiB. Change it with etcd's
    quota."""
    retention_bytes_per_tenant: int = Field(default=128 * MIB, ge=0)
    """The same for one tenant, and for all executions without a tenant together."""
    storage_hard_bytes: int = Field(default=1024 * MIB, ge=1)
    """Bytes of all executions, unfinished ones included, from which on new ones are refused (503,
    QueueFull), because records could not be removed as fast as they come and a full etcd stops the
    cluster. Must be more than `RETENTION_BYTES`."""
    write_bytes: int = Field(default=BYTES_DEFAULT, ge=64 * MIB)
    """As for the gateway, for executions that did not come through it; they end as WriteLimit. The
    operator's bounds are a tenth wider."""
    write_bytes_per_tenant: int = Field(default=BYTES_PER_TENANT_DEFAULT, ge=16 * MIB)
    """The same for one tenant, and for all executions without a tenant together."""
    http_port: int = Field(default=8080, ge=1, le=65535)
    """Port of `/healthz`, `/readyz` and `/metrics`."""
    log_format: LogFormat = LogFormat.JSON
    """`json` for a log collector, `text` for a terminal."""
    log_level: LogLevel = LogLevel.INFO
    """Lowest level that is logged."""

    @property
    def users(self) -> range:
        """The UIDs that Pods run as, each used by one Pod at a time."""
        return range(self.first_user, self.last_user + 1)


def load() -> Settings:
    """Return the settings from the environment.

    Raises:
        SettingsError: settings are unknown, or values are not valid.
    """
    reject_unknown(PREFIX, Settings.model_fields)
    try:
        return Settings()
    except ValidationError as error:
        lines = (f"{PREFIX}{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise SettingsError("\n".join(lines)) from None
