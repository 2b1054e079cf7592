"""The API server as JSON over HTTP: one connection pool, plain dicts, four kinds of failure.

`kubernetes.aio` finds and refreshes the credentials; its generated models stay out of the way,
for building them costs sixty times what plain JSON does. The gateway and the operator each have
one module (`kube`) above this that knows which paths they use.
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
_PAGE_OF_OBJECTS = "20"  # whose metadata comes along: labels and annotations, up to 1.5 MiB each
MERGE_PATCH = "application/merge-patch+json"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""An object without spec and status: nobody pays for reading outputs that nobody asked for.
https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches"""
_TOO_LARGE_WORDS = ("request is too large", "Request entity too large", "too large")
_TRANSIENT = frozenset({401, 429, 500, 502, 503, 504})
# What the API server says of a role that does not allow this (responsewriters.ForbiddenMessage of
# k8s.io/apiserver). Quotas and policies refuse with a 403 too, in other words.
_NO_ROLE = re.compile(r'User ".*" cannot \w+ (resource|path) ')


class ApiError(Exception):
    """The API server answered, and the answer was no."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{message} ({status} {reason})")
        self.status = status
        self.reason = reason
        self.message = message


class NotFoundError(ApiError):
    """404: there is no such object."""


class ConflictError(ApiError):
    """409: a precondition did not hold, or the name is taken (`reason` AlreadyExists)."""


class InvalidError(ApiError):
    """422: the object breaks the rules of its schema."""


class TooLargeError(ApiError):
    """The object is more than etcd or the API server takes."""


class NoClusterError(Exception):
    """Neither a service account nor a usable kubeconfig was found. The message is one line."""


class UnavailableError(Exception):
    """No answer, or one that says to come again: whether the call took effect is not known."""


class Rest:
    """A connection to one API server."""

    def __init__(self, configuration: Configuration, session: aiohttp.ClientSession) -> None:
        self._configuration = configuration
        self._session = session
        self.clock = ServerClock()
        """The API server's time, as its answers tell it."""

    @classmethod
    async def connect(cls, kubeconfig: str | None = None) -> Self:
        """Connect as the Pod's service account, or as $KUBECONFIG says outside a cluster.

        A `kubeconfig` given by name goes before both.

        Raises:
            NoClusterError: when there is neither.
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
        # 0 is no bound: a pool of a fixed size would let the 101st attach wait for ever.
        configuration.connection_pool_maxsize = 0
        # Looking for a proxy and a .netrc costs two hops to a thread for every single call.
        configuration.client_session_kwargs = {"trust_env": False}
        pool = RESTClientObject(configuration)
        return cls(configuration, pool._create_pool_manager())  # noqa: SLF001  its TLS set-up

    async def close(self) -> None:
        """End every connection at once, streams included.

        Without TLS' farewell, for which nobody would wait: the loop would be closed over it.
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
        """Ask, and return the answer's JSON.

        Raises:
            ApiError: the server refused; its subclasses say how.
            UnavailableError: no answer within `timeout` seconds, or one of 401, 429 and 5xx, or a
                403 that is about who asks.
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
        """The metadata (if asked for) and these cells of every row of the API server's table.

        `path` is a collection's or one object's; `seconds` are for each page.

        It comes page by page, and without spec and status: no code and no output is sent.

        Raises:
            ApiError, UnavailableError: as `call`.
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
        """A body that is read as it comes: a watch, a log that is followed.

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
        """Open a websocket, such as an attach.

        Raises:
            UnavailableError: it was refused, for any cause: the body of the refusal is lost.
        """
        # The subprotocol goes as a plain header: aiohttp warns where the server does not echo it.
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
    """The body as UTF-8; half a UTF-16 pair becomes `?`.

    Escapes would make it up to three times as long, and past 1 MiB aiohttp warns; an object of
    ours is smaller (`limits`).
    """
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def _failure(status: int, raw: bytes) -> ApiError | UnavailableError:
    """The exception for an answer of 400 and more, made from its metav1.Status."""
    try:
        answer = json.loads(raw)
        reason, message = str(answer.get("reason", "")), str(answer.get("message", ""))
    except (ValueError, AttributeError):
        reason, message = "", raw[:500].decode("utf-8", "replace")
    # etcd's refusal of a large object comes as a 500 with these words.
    if status == 413 or any(words in message for words in _TOO_LARGE_WORDS):  # noqa: PLR2004
        return TooLargeError(status, reason, message)
    # One that starts refuses everybody until it has read its roles. A role that is really missing
    # is told with each try, and whoever grants it need not start anything again.
    if status in _TRANSIENT or (status == 403 and _NO_ROLE.search(message)):  # noqa: PLR2004
        return UnavailableError(f"{status} {reason}: {message}")
    kind = {404: NotFoundError, 409: ConflictError, 422: InvalidError}.get(status, ApiError)
    return kind(status, reason, message)
