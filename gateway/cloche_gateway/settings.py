"""Settings of the gateway: environment variables CLOCHE_GATEWAY_…; unknown ones are rejected."""

from __future__ import annotations

import os
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cloche_api.accounting.write_limit import BYTES_DEFAULT, BYTES_PER_TENANT_DEFAULT
from cloche_api.limits import CONCURRENCY_MAX, MIB
from cloche_api.logs import LogFormat, LogLevel

PREFIX = "CLOCHE_GATEWAY_"

# Kubernetes sets these in Pods for a Service named cloche-gateway, unless enableServiceLinks is
# false: https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_SERVICE_LINK = re.compile(PREFIX + r"(SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP).*)")
_REDIS = frozenset({"redis", "rediss"})
_SECRET = frozenset({"rate_limit_redis_url"})
"""Settings whose values are not shown in error messages."""
_ORIGIN = re.compile(r"\*|https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")
_DNS_LABEL = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"


class SettingsError(Exception):
    """A setting is unknown or not valid. The message is one line that names it."""


class Settings(BaseSettings):
    """In the order of the chart's values. Seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    namespace: str = Field(default="cloche-sandboxes", pattern=_DNS_LABEL)
    """Where executions and runtimes live."""
    keys_namespace: str = Field(default="cloche-system", pattern=_DNS_LABEL)
    """Where the Secret with the API keys lives: the gateway's own namespace."""
    host: str = "0.0.0.0"  # noqa: S104  the Service sends traffic to the Pod's own address
    """The address to listen on."""
    port: int = Field(default=8002, ge=0, le=65535)
    """The port to listen on; 0 takes any that is free."""
    log_format: LogFormat = LogFormat.JSON
    """json for a cluster's collector, text for a terminal."""
    log_level: LogLevel = LogLevel.INFO
    """debug, info, warning or error."""
    queue_timeout_seconds: float = Field(default=60, ge=0, le=3600)
    """The operator's own: how long an execution may wait for its turn."""
    wait_margin_seconds: float = Field(default=75, gt=0, le=600)
    """What a request waits beyond its timeout and the queue's: 60 for a Pod to start (the
    operator's start timeout), the rest for compilers' ends, the syntax check and the writes."""
    api_timeout_seconds: float = Field(default=15, gt=0, le=60)
    """For one call of the API server, repetitions of a lost create included. More than a leader
    election of etcd or a restart of the API server takes."""
    body_timeout_seconds: float = Field(default=30, gt=0, le=300)
    """For a request's body to arrive: 4 MiB at a slow 140 KiB a second."""
    send_timeout_seconds: float = Field(default=30, gt=0, le=300)
    """For a client to take 16 KiB of what is there for it, or all of it."""
    connections: int = Field(default=2000, ge=10, le=100_000)
    """Clients' connections at a time: one for each that may wait in the queue (1000), and as many
    for who looks on. An idle one costs 10 KiB."""
    memory_limit_mib: int = Field(default=512, ge=256, le=1024 * 1024)
    """MiB that the process may take: the container's limit. Of what is left beside the process
    itself (192) three fifths are for what clients send and do not take (503 beyond)."""
    memory_tenant_share: float = Field(default=0.5, gt=0, le=1)
    """The share of that which one tenant may hold at a time, and all clients without a key
    together. More than a half lets one tenant leave others less than it has."""
    followed_logs_per_node: int = Field(default=40, ge=1, le=100_000)
    """Logs of one node that are followed for event streams; further ones are read again each 2 s
    or more. Each takes an inotify instance of root there, of which Linux allows 128 by default:
    two gateways take 80."""
    concurrency: int = Field(default=50, ge=1, le=CONCURRENCY_MAX)
    """Executions that run at a time of an API key without a limit of its own; more wait."""
    write_bytes: int = Field(default=BYTES_DEFAULT, ge=64 * MIB)
    """Bytes that all executions may write to etcd within 10 minutes: so much history it keeps."""
    write_bytes_per_tenant: int = Field(default=BYTES_PER_TENANT_DEFAULT, ge=16 * MIB)
    """The same of one tenant's executions; besides it may use half of what is left, at most."""
    rate_limit_per_minute: int = Field(default=100, ge=1, le=1_000_000)
    """Executions that an API key without a rate of its own may ask for in a minute."""
    reads_per_minute: int = Field(default=3000, ge=1, le=10_000_000)
    """Reads, waits, streams and deletions that such a key may ask for in a minute: 50 a second, at
    which it polls 10 executions five times a second, and takes a tenth of a core."""
    requests_per_key: int = Field(default=500, ge=1, le=100_000)
    """Requests of one API key that are answered at a time, waiting ones and streams included: a
    quarter of all connections, and ten times what it may run at a time."""
    rate_limit_redis_url: SecretStr | None = None
    """Where replicas count together, redis://[:password@]host:port[/db]; in memory without it."""
    rate_limit_fail_open: bool = True
    """Whether requests pass, uncounted, while that Redis is away; else they are refused (503)."""
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Origins whose pages may call from a browser, separated by commas, or `*` for all; by default
    none may."""
    drain_seconds: float = Field(default=25, ge=0, le=5000)
    """After SIGTERM, for waiting requests to be answered. The Pod's
    terminationGracePeriodSeconds must be some seconds more; Kubernetes' default is 30."""

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _are_origins(cls, value: object) -> object:
        """Split the text at commas, and reject values that no browser sends as an origin."""
        if isinstance(value, str):
            value = tuple(part.strip() for part in value.split(",") if part.strip())
        for one in value if isinstance(value, tuple | list) else ():
            if not isinstance(one, str) or not _ORIGIN.fullmatch(one):
                raise ValueError(f"{one}: must be *, or scheme://host[:port] in lower case")
        return value

    @field_validator("rate_limit_redis_url")
    @classmethod
    def _is_redis_url(cls, value: SecretStr | None) -> SecretStr | None:
        """Reject other URLs, without showing the value, because it can contain a password."""
        if value is not None:
            try:
                url = urlsplit(value.get_secret_value())
                fits = url.scheme in _REDIS and bool(url.hostname) and url.port != 0
            except ValueError:
                fits = False
            if not fits:
                raise ValueError("must be redis://[:password@]host:port[/db] or rediss://…")
        return value


def load() -> Settings:
    """Return the settings from the environment.

    Raises:
        SettingsError: a setting is unknown, or its value is not valid.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in sorted(os.environ):
        upper = name.upper()
        if upper.startswith(PREFIX) and upper not in known and not _SERVICE_LINK.fullmatch(upper):
            raise SettingsError(f"{name}: no such setting; there are {', '.join(sorted(known))}")
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = PREFIX + ".".join(str(part) for part in first["loc"]).upper()
        shown = "" if _SECRET & set(first["loc"]) else f"={first['input']!r}"
        raise SettingsError(f"{where}{shown}: {first['msg']}") from None
