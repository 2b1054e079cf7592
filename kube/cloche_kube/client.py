"""The client of the API server: one connection pool, and plain dictionaries.

`kubernetes.aio` finds and refreshes the credentials. Its generated models are not used, because
building them costs sixty times as much as plain JSON. The gateway and the operator each have a
module above this one that knows the paths that they use.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import Configuration

from cloche_kube.clock import ServerClock
from cloche_kube.errors import NoClusterError, UnavailableError, failure

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
_READ_BYTES = 2**21
"""Read buffer of a response. A line of a watch, which is a whole object, must fit into it."""


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
        return cls(configuration, _session(configuration))

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
                    raise failure(response.status, raw)
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
                    raise failure(response.status, await response.read())
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


def _session(configuration: Configuration) -> aiohttp.ClientSession:
    """Return a connection pool with the TLS settings of a service account or a kubeconfig."""
    tls = ssl.create_default_context(
        cafile=configuration.ssl_ca_cert, cadata=configuration.ca_cert_data
    )
    if configuration.cert_file:
        tls.load_cert_chain(configuration.cert_file, configuration.key_file)
    if not configuration.verify_ssl:  # insecure-skip-tls-verify
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    if configuration.disable_strict_ssl_verification:
        tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
    # Without a limit, because the 101st attach would wait forever in a pool of 100. Without
    # `trust_env`, because looking for a proxy and a .netrc takes two hops to a thread in each call.
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=tls), read_bufsize=_READ_BYTES
    )


def _json(body: Any) -> bytes:
    """Return the body as UTF-8. A lone surrogate becomes `?`.

    Escapes would make it up to three times as long. Beyond 1 MiB aiohttp warns, but the objects of
    Cloche are smaller (`limits`).
    """
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
