"""Settings of the gateway: environment variables CLOCHE_GATEWAY_…; unknown ones are rejected."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cloche_api.accounting.write_limit import BYTES_DEFAULT, BYTES_PER_TENANT_DEFAULT
from cloche_api.limits import CONCURRENCY_MAX, MIB
from cloche_api.logs import LogFormat, LogLevel
from cloche_api.settings import SettingsError, reject_unknown

PREFIX = "CLOCHE_GATEWAY_"

_REDIS = frozenset({"redis", "rediss"})
_SECRET = frozenset({"rate_limit_redis_url"})
"""Settings whose values are not shown in error messages."""
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")
_DNS_LABEL = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
_KEY_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?")


class DialectName(StrEnum):
    """The APIs of other systems that the gateway can serve in addition to its own."""

    MCP = "mcp"
    PISTON = "piston"
    DIFY = "dify"
    SANDBOX_FUSION = "sandboxFusion"
    JUDGE0 = "judge0"
    JOBE = "jobe"


class Settings(BaseSettings):
    """Settings of the gateway in the order of the chart's values, with reasons for the defaults.

    `make settings-docs` writes the descriptions into docs/operate/configure.md.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    namespace: str = Field(default="cloche-sandboxes", pattern=_DNS_LABEL)
    """Namespace of executions, sessions and runtimes."""
    keys_namespace: str = Field(default="cloche-system", pattern=_DNS_LABEL)
    """Namespace of the Secret `cloche-api-keys`: the gateway's own namespace."""
    host: str = "0.0.0.0"  # noqa: S104  the Service sends traffic to the Pod's own address
    """Address to listen on."""
    port: int = Field(default=8002, ge=0, le=65535)
    """Port to listen on; 0 takes any free port."""
    log_format: LogFormat = LogFormat.JSON
    """`json` for a log collector, `text` for a terminal."""
    log_level: LogLevel = LogLevel.INFO
    """Lowest level that is logged. With `debug` the requests of probes and scrapers are logged
    too."""
    queue_timeout_seconds: float = Field(default=60, ge=0, le=3600)
    """The operator's `QUEUE_TIMEOUT_SECONDS`: how long an execution may wait in the queue. Both
    must be equal."""
    wait_margin_seconds: float = Field(default=75, gt=0, le=600)
    """Time that a request waits in addition to its own timeout and the queue's: 60 s for the start
    of a Pod (the operator's `START_TIMEOUT_SECONDS`), the rest for the end of compilers, the syntax
    check and the writes."""
    api_timeout_seconds: float = Field(default=15, gt=0, le=60)
    """Timeout of one call of the API server, including repetitions of a lost create. A leader
    election of etcd or a restart of the API server takes less."""
    body_timeout_seconds: float = Field(default=30, gt=0, le=300)
    """Time in which the body of a request must arrive. The default allows 4 MiB at 140 KiB a
    second."""
    send_timeout_seconds: float = Field(default=30, gt=0, le=300)
    """Time in which a client must read an eighth of what is buffered for it, at least 16 KiB, or
    all of it. After that the connection is closed."""
    connections: int = Field(default=2000, ge=10, le=100_000)
    """Client connections at a time; further ones get 503. The default is one for each execution
    that may wait in the queue (1000) and as many for other clients. An idle one costs 10 KiB. Raise
    it if more clients wait at one gateway; lower it if memory is small."""
    memory_limit_mib: int = Field(default=512, ge=256, le=1024 * 1024)
    """Memory of the process; without a limit of the container, the node's allocatable memory. Three
    fifths of what exceeds 192 MiB hold request bodies and answers that clients have not read yet;
    beyond that requests get 503. Raise it for many large requests or slow clients."""
    memory_tenant_share: float = Field(default=0.5, gt=0, le=1)
    """Share of that budget for one tenant, and for all clients without a key together. With more
    than a half, one tenant can leave others less than it has."""
    followed_logs_per_node: int = Field(default=40, ge=1, le=100_000)
    """Pod logs of one node that the gateway follows for event streams. Further logs are read again
    every 2 s or more. Each takes an inotify instance of root on the node, and Linux allows 128 by
    default (`fs.inotify.max_user_instances`): two gateways take 80. Raise both if many clients
    stream; lower it with more than two gateways."""
    names_waiting_pods: bool = True
    """Whether an execution names a waiting Pod at its creation, which spares a write to the API
    server. Set it to false while an operator runs that does not know `spec.waitingPod`."""
    concurrency: int = Field(default=50, ge=1, le=CONCURRENCY_MAX)
    """Executions and sessions of an API key that run at a time, if the key has no limit; more wait
    in the queue."""
    write_bytes: int = Field(default=BYTES_DEFAULT, ge=64 * MIB)
    """Bytes that all executions may write to etcd within 10 minutes, because etcd keeps the history
    of that time; new executions then get 429. Change it with etcd's quota."""
    write_bytes_per_tenant: int = Field(default=BYTES_PER_TENANT_DEFAULT, ge=16 * MIB)
    """The same for one tenant: 180 executions of full size, or 25,000 small ones. A tenant may also
    write at most as much as remains for all."""
    rate_limit_per_minute: int = Field(default=100, ge=1, le=1_000_000)
    """Executions that an API key may request in a minute, if the key has no rate; then 429."""
    reads_per_minute: int = Field(default=3000, ge=1, le=10_000_000)
    """Reads, waits, streams and deletions that such a key may request in a minute. The default
    polls 10 executions five times a second and takes a tenth of a core. A key with a higher rate
    has more in proportion."""
    requests_per_key: int = Field(default=500, ge=1, le=100_000)
    """Requests of such a key that one gateway answers at a time, including waiting ones and
    streams: by default a quarter of all connections. A key with a higher concurrency has more in
    proportion."""
    rate_limit_redis_url: SecretStr | None = None
    """Redis or Valkey in which several gateways count rates together,
    `redis://[:password@]host:port[/db]` or `rediss://…`. Without one each gateway counts
    separately, so a key has its rate at each. Set it if there is more than one gateway."""
    rate_limit_fail_open: bool = True
    """While that Redis is unavailable: `true` accepts requests without counting them, `false`
    answers 503."""
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Origins whose pages may call from a browser, separated by commas, or `*`. Users of such a
    page can read its API key."""
    playground: bool = True
    """Whether the playground is served, at `/play` and for browsers at `/`."""
    playground_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Origins whose pages may show `/play?embed` in a frame, separated by commas. Users of such a
    page enter their API key in that frame, so name only origins that you trust."""
    dialects: Annotated[tuple[DialectName, ...], NoDecode] = (DialectName.MCP,)
    """APIs of other systems that are served too, separated by commas: `mcp`, `piston`, `dify`,
    `sandboxFusion`, `judge0`, `jobe`. The routes of the others answer 404."""
    keyless: Annotated[dict[DialectName, str], NoDecode] = Field(default_factory=dict)
    """Names of API keys whose rights and limits requests without a key get, as `DIALECT=NAME`
    separated by commas. Set it only if no other client can reach the gateway, for clients that
    cannot send a key."""
    piston_any_version: bool = True
    """Whether a request for a version of a language that is not installed gets the installed one,
    because many clients of Piston have versions in their code. `false` answers 400, as Piston."""
    dify_timeout_seconds: float = Field(default=30, ge=0.1, le=300)
    """Timeout of programs of Dify, whose requests have none."""
    drain_seconds: float = Field(default=25, ge=0, le=5000)
    """Time after SIGTERM to complete waiting requests; a gateway without requests stops at once.
    The Pod's `terminationGracePeriodSeconds` must be longer by some seconds; the default fits
    Kubernetes' 30 s. The chart's value covers the longest program (300 s), the queue (60 s), the
    start (60 s) and the margin (15 s): raise it together with these."""

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _are_origins_or_all(cls, value: object) -> object:
        """Split the text at commas, and reject values that no browser sends as an origin."""
        return _origins(value, "*")

    @field_validator("playground_origins", mode="before")
    @classmethod
    def _are_origins(cls, value: object) -> object:
        """As for `cors_origins`, without `*`."""
        return _origins(value)

    @field_validator("dialects", mode="before")
    @classmethod
    def _are_names(cls, value: object) -> object:
        """Split the text at commas."""
        return _parts(value) if isinstance(value, str) else value

    @field_validator("keyless", mode="before")
    @classmethod
    def _are_pairs(cls, value: object) -> object:
        """Split the text at commas and equals signs, and reject what cannot be a key's name."""
        if not isinstance(value, str):
            return value
        pairs = dict[str, str]()
        for dialect, _, name in (part.partition("=") for part in _parts(value)):
            if dialect in pairs:
                raise ValueError(f"{dialect}: is given twice")
            pairs[dialect] = name
            if not _KEY_NAME.fullmatch(name):
                raise ValueError(f"{dialect}={name}: must be DIALECT=NAME with an API key's name")
        return pairs

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
        SettingsError: settings are unknown, or the value of one is not valid.
    """
    reject_unknown(PREFIX, Settings.model_fields)
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = PREFIX + str(first["loc"][0]).upper()
        shown = "" if _SECRET & set(first["loc"]) else f"={first['input']!r}"
        raise SettingsError(f"{where}{shown}: {first['msg']}") from None


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _origins(value: object, *others: str) -> object:
    """Split a text at commas, and reject what is neither an origin nor one of `others`."""
    if isinstance(value, str):
        value = _parts(value)
    for one in value if isinstance(value, tuple | list) else ():
        if one not in others and (not isinstance(one, str) or not _ORIGIN.fullmatch(one)):
            allowed = "".join(f"{other}, or " for other in others)
            raise ValueError(f"{one}: must be {allowed}scheme://host[:port] in lower case")
    return value
