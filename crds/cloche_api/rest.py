"""The client of the API server: one connection pool, plain dicts, and a class for each failure.

`kubernetes.aio` finds and refreshes the credentials. Its generated models are not used, because
building them costs sixty times as much as plain JSON. The gateway and the operator each have a
module above this one that knows the paths that they use.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import Configuration
from kubernetes.aio.client.rest import RESTClientObject

from cloche_api.clock import ServerClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
_PAGE = "500"
_PAGE_OF_OBJECTS = "20"  # with their metadata: labels and annotations, up to 1.5 MiB each
MERGE_PATCH = "application/merge-patch+json"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""An object without spec and status, for callers that do not need code or outputs.
https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches"""
_TOO_LARGE_WORDS = ("request is too large", "Request entity too large", "too large")
_TRANSIENT = frozenset({401, 429, 500, 502, 503, 504})
# The API server's message if no role allows a request (responsewriters.ForbiddenMessage of
# k8s.io/apiserver). Quotas and policies refuse with a 403 too, but with other messages.
_NO_ROLE = re.compile(r'User ".*" cannot \w+ (resource|path) ')


class ApiError(Exception):
    """The API server answered with an error."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{message} ({status} {reason})")
        self.status = status
        self.reason = reason
        self.message = message


class NotFoundError(ApiError):
    """404: the object does not exist."""


class ConflictError(ApiError):
    """409: a precondition failed, or the name is taken (`reason` AlreadyExists)."""


class InvalidError(ApiError):
    """422: the object violates its schema."""


class TooLargeError(ApiError):
    """The object is larger than etcd or the API server accepts."""


class NoClusterError(Exception):
    """There is neither a service account nor a usable kubeconfig. The message is one line."""


class UnavailableError(Exception):
    """No answer, or a transient error. It is not known whether the call took effect."""


class Rest:
    """A connection to one API server."""

    def __init__(self, configuration: Configuration, session: aiohttp.ClientSession) -> None:
        self._configuration = configuration
        self._session = session
        self.clock = ServerClock()
        """The API server's time, from its responses."""

    @classmethod
    async def connect(cls, kubeconfig: str | None = None) -> Self:
        """Connect with the Pod's service account, or outside a cluster with $KUBECONFIG.

        `kubeconfig`: a file that takes precedence over both.

        Raises:
            NoClusterError: there is neither.
        """
        configuration = Configuration()
        in_cluster = "KUBERNETES_SERVICE_HOST" in os.environ and "KUBECONFIG" not in os.environ
        try:
            if in_cluster and kubeconfig is None:
                config.load_incluster_config(configuration)
            else:
                await config.load_kube_config(kubeconfig, client_configuration=configuration)
        except (config.ConfigException, OSError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise NoClusterError(f"no access to a Kubernetes cluster: {reason}") from error
        # 0 means no limit: with a pool of a fixed size, the 101st attach would wait forever.
        configuration.connection_pool_maxsize = 0
        # Looking for a proxy and a .netrc costs two hops to a thread for each call.
        configuration.client_session_kwargs = {"trust_env": False}
        pool = RESTClientObject(configuration)
        return cls(configuration, pool._create_pool_manager())  # noqa: SLF001  its TLS set-up

    async def close(self) -> None:
        """Close all connections at once, including streams.

        TLS is not shut down properly, because the event loop would be closed before that is done.
        """
        if self._session.connector is not None:
            await self._session.connector.close(abort_ssl=True)
        await self._session.close()

    async def call(  # noqa: PLR0913  the parts of an HTTP request, all by name
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: dict[str, str] | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        timeout: float = 10.0,  # noqa: ASYNC109  seconds for the whole exchange
    ) -> dict[str, Any]:
        """Send a request, and return the JSON of the response.

        Raises:
            ApiError: the server refused; the subclasses show why.
            UnavailableError: no answer within `timeout` seconds; a 401, 429 or 5xx; or a 403
                because no role allows the request.
        """
        data = None if body is None else _json(body)
        headers = await self._headers(accept)
        if data is not None:
            headers["Content-Type"] = content_type
        try:
            async with self._session.request(
                method,
                self._configuration.host + path,
                params=params,
                data=data,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=timeout),
            ) as response:
                raw = await response.read()
                self.clock.seen(response.headers.get("Date"))
                if response.status >= 400:  # noqa: PLR2004  HTTP's border of failure
                    raise _failure(response.status, raw)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnavailableError(f"{method} {path}: {error or type(error).__name__}") from error
        answer: dict[str, Any] = json.loads(raw)
        return answer

    async def rows(
        self, path: str, params: dict[str, str], *columns: str, seconds: float = 10.0
    ) -> AsyncIterator[tuple[dict[str, Any], list[Any]]]:
        """Yield the metadata (if requested) and these cells of each row of the API server's table.

        `path`: of a collection or of one object. `seconds`: the timeout for each page.

        The rows come page by page, and without spec and status: no code and no output is sent.

        Raises:
            ApiError, UnavailableError: see `call`.
        """
        limit = _PAGE if params.get("includeObject") == "None" else _PAGE_OF_OBJECTS
        params = {"limit": limit, **params}
        while True:
            page = await self.call("GET", path, params=params, accept=_TABLE, timeout=seconds)
            names = [column["name"] for column in page["columnDefinitions"]]
            places = [names.index(column) for column in columns]
            for row in page["rows"] or []:
                metadata = (row.get("object") or {}).get("metadata", {})
                yield metadata, [row["cells"][place] for place in places]
            if not (more := page["metadata"].get("continue")):
                return
            params["continue"] = more

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        params: dict[str, str],
        *,
        accept: str = "application/json, */*",
        quiet_seconds: float | None = None,
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """Yield a body that is read as it arrives: a watch, or a log that is followed.

        Raises:
            ApiError: the server refused.
            UnavailableError: the connection broke, or was silent for `quiet_seconds`.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=quiet_seconds)
        try:
            async with self._session.get(
                self._configuration.host + path,
                params=params,
                headers=await self._headers(accept),
                timeout=timeout,
            ) as response:
                self.clock.seen(response.headers.get("Date"))
                if response.status >= 400:  # noqa: PLR2004
                    raise _failure(response.status, await response.read())
                yield response.content
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnavailableError(f"GET {path}: {error or type(error).__name__}") from error

    async def websocket(
        self, path: str, params: dict[str, str], protocol: str
    ) -> aiohttp.ClientWebSocketResponse:
        """Open a WebSocket, such as an attach.

        Raises:
            UnavailableError: it was refused, for any reason: the body of the refusal is lost.
        """
        # The subprotocol is sent as a header, because aiohttp warns if the server does not echo it.
        headers = await self._headers("*/*")
        headers["Sec-WebSocket-Protocol"] = protocol
        try:
            async with asyncio.timeout(10.0):
                return await self._session.ws_connect(
                    self._configuration.host.replace("http", "ws", 1) + path,
                    params=params,
                    headers=headers,
                    max_msg_size=0,
                )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnavailableError(f"{path}: {error or type(error).__name__}") from error

    async def _headers(self, accept: str) -> dict[str, str]:
        token = await self._configuration.get_api_key_with_prefix("BearerToken")
        headers = {"Accept": accept, "User-Agent": "cloche"}
        return headers | {"Authorization": token} if token else headers


def _json(body: Any) -> bytes:
    """Return the body as UTF-8. A lone surrogate becomes `?`.

    Escapes would make it up to three times as long. Beyond 1 MiB aiohttp warns, but the objects of
    Cloche are smaller (`limits`).
    """
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def _failure(status: int, raw: bytes) -> ApiError | UnavailableError:
    """Return the exception for a response of 400 or more, from its metav1.Status."""
    try:
        answer = json.loads(raw)
        reason, message = str(answer.get("reason", "")), str(answer.get("message", ""))
    except (ValueError, AttributeError):
        reason, message = "", raw[:500].decode("utf-8", "replace")
    # etcd refuses a large object with a 500 and one of these messages.
    if status == 413 or any(words in message for words in _TOO_LARGE_WORDS):  # noqa: PLR2004
        return TooLargeError(status, reason, message)
    # An API server that starts refuses all clients until it has read its roles. If a role is really
    # missing, each retry logs it, and nothing must be restarted once it is granted.
    if status in _TRANSIENT or (status == 403 and _NO_ROLE.search(message)):  # noqa: PLR2004
        return UnavailableError(f"{status} {reason}: {message}")
    kind = {404: NotFoundError, 409: ConflictError, 422: InvalidError}.get(status, ApiError)
    return kind(status, reason, message)
