"""Settings of the gateway: environment variables CLOCHE_GATEWAY_…; unknown ones are rejected."""

from __future__ import annotations

import os
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cloche_api.limits import CONCURRENCY_MAX, MIB
from cloche_api.logs import LogFormat, LogLevel
from cloche_api.write_limit import BYTES_DEFAULT, BYTES_PER_TENANT_DEFAULT

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
    """The settings, in the order of the chart's values. Times are in seconds."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    namespace: str = Field(default="cloche-sandboxes", pattern=_DNS_LABEL)
    """Namespace of executions, sessions and runtimes."""
    keys_namespace: str = Field(default="cloche-system", pattern=_DNS_LABEL)
    """Namespace of the Secret with the API keys: the gateway's own namespace."""
    host: str = "0.0.0.0"  # noqa: S104  the Service sends traffic to the Pod's own address
    """Address to listen on."""
    port: int = Field(default=8002, ge=0, le=65535)
    """Port to listen on; 0 takes any free port."""
    log_format: LogFormat = LogFormat.JSON
    """json for a log collector, text for a terminal."""
    log_level: LogLevel = LogLevel.INFO
    """debug, info, warning or error."""
    queue_timeout_seconds: float = Field(default=60, ge=0, le=3600)
    """How long an execution may wait in the queue. It must equal the operator's setting."""
    wait_margin_seconds: float = Field(default=75, gt=0, le=600)
    """How long a request waits in addition to its own timeout and the queue's: 60 for the start of
    a Pod (the operator's start timeout), and the rest for the end of compilers, the syntax check
    and the writes."""
    api_timeout_seconds: float = Field(default=15, gt=0, le=60)
    """Timeout for one call of the API server, including repetitions of a lost create. It is longer
    than a leader election of etcd or a restart of the API server."""
    body_timeout_seconds: float = Field(default=30, gt=0, le=300)
    """Timeout for the arrival of a request's body: 4 MiB at 140 KiB per second."""
    send_timeout_seconds: float = Field(default=30, gt=0, le=300)
    """Time in which a client must read an eighth of the data that is buffered for it, at least
    16 KiB, or all of it."""
    connections: int = Field(default=2000, ge=10, le=100_000)
    """Client connections at a time: one for each execution that may wait in the queue (1000), and
    as many for other requests. An idle connection costs 10 KiB."""
    memory_limit_mib: int = Field(default=512, ge=256, le=1024 * 1024)
    """Memory of the process in MiB: the container's limit. Three fifths of what exceeds 192 MiB
    hold request bodies and unread responses; beyond that, requests get 503."""
    memory_tenant_share: float = Field(default=0.5, gt=0, le=1)
    """Share of that budget for one tenant, and for all clients without a key together. With more
    than a half, one tenant can leave the others less than it has."""
    followed_logs_per_node: int = Field(default=40, ge=1, le=100_000)
    """Logs of one node that are followed for event streams. Further logs are read again every 2 s
    or more. Each takes an inotify instance of root on the node, of which Linux allows 128 by
    default: two gateways take 80."""
    concurrency: int = Field(default=50, ge=1, le=CONCURRENCY_MAX)
    """Executions of an API key that run at a time, if the key has no limit; more wait."""
    write_bytes: int = Field(default=BYTES_DEFAULT, ge=64 * MIB)
    """Bytes that all executions may write to etcd within 10 minutes, the history that it keeps."""
    write_bytes_per_tenant: int = Field(default=BYTES_PER_TENANT_DEFAULT, ge=16 * MIB)
    """The same for one tenant. It also may not have written more than is left of the total."""
    rate_limit_per_minute: int = Field(default=100, ge=1, le=1_000_000)
    """Executions that an API key may request per minute, if the key has no rate."""
    reads_per_minute: int = Field(default=3000, ge=1, le=10_000_000)
    """Reads, waits, streams and deletions that such a key may request per minute: enough to poll 10
    executions five times per second, which takes a tenth of a core."""
    requests_per_key: int = Field(default=500, ge=1, le=100_000)
    """Requests of one API key in progress at a time, including waiting ones and event streams: a
    quarter of all connections, and ten times its concurrency."""
    rate_limit_redis_url: SecretStr | None = None
    """Redis in which gateways count together, redis://[:password@]host:port[/db]. Without it, each
    counts in memory."""
    rate_limit_fail_open: bool = True
    """Whether requests pass uncounted while that Redis does not answer. Otherwise they get 503."""
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Origins whose pages may call from a browser, separated by commas, or `*` for all. The default
    is none."""
    drain_seconds: float = Field(default=25, ge=0, le=5000)
    """Time after SIGTERM to answer waiting requests. The Pod's terminationGracePeriodSeconds must
    be some seconds longer; Kubernetes' default is 30."""

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
            raise SettingsError(
                f"{name}: unknown setting. Known settings: {', '.join(sorted(known))}"
            )
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = PREFIX + ".".join(str(part) for part in first["loc"]).upper()
        shown = "" if _SECRET & set(first["loc"]) else f"={first['input']!r}"
        raise SettingsError(f"{where}{shown}: {first['msg']}") from None
