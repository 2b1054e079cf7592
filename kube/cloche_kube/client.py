"""The client of the API server: one connection pool, and plain dictionaries.

The generated models of `kubernetes.aio` are not used, because building them costs sixty times as
much as plain JSON.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from kubernetes.aio.config import ConfigException

from cloche_kube import connection
from cloche_kube.clock import ServerClock
from cloche_kube.errors import ConflictError, NotFoundError, UnavailableError, failure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from kubernetes.aio.client import Configuration

_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
_PAGE = "500"
_PAGE_OF_OBJECTS = "20"  # with their metadata: labels and annotations, up to 1.5 MiB each
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""An object without spec and status, for callers that do not need code or outputs.
https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches"""


class Rest:
    """A connection to one API server.

    `agent`: the program's name, which the API server also records as the manager of the fields that
    it writes.
    """

    def __init__(
        self, configuration: Configuration, session: aiohttp.ClientSession, agent: str = "cloche"
    ) -> None:
        self._configuration = configuration
        self._session = session
        self._agent = agent
        self.clock = ServerClock()
        """The API server's time, from its responses."""

    @classmethod
    async def connect(cls, kubeconfig: str | None = None, agent: str = "cloche") -> Self:
        """Connect with the Pod's service account, or outside a cluster with $KUBECONFIG.

        `kubeconfig`: a file that takes precedence over both. Nothing is sent yet.

        Raises:
            NoClusterError: there is neither.
        """
        configuration = await connection.configuration(kubeconfig)
        return cls(configuration, connection.pool(configuration), agent)

    async def close(self) -> None:
        """Close all connections at once, including streams.

        TLS is not shut down properly, because the event loop would be closed before that is done.
        """
        if self._session.connector is not None:
            await self._session.connector.close(abort_ssl=True)
        await self._session.close()

    async def get(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        accept: str = JSON,
        seconds: float = 10.0,
    ) -> dict[str, Any]:
        """Return the object or the list at `path`."""
        return await self.call("GET", path, params=params, accept=accept, timeout=seconds)

    async def create(
        self,
        path: str,
        obj: Mapping[str, Any],
        *,
        accept: str = METADATA,
        strict: bool = False,
        seconds: float = 10.0,
    ) -> dict[str, Any]:
        """Create the object in the collection at `path` and return it as stored.

        By default only its metadata is returned.

        `strict`: fields that the installed schema does not have are rejected (InvalidError) instead
        of dropped.
        """
        params = {"fieldValidation": "Strict"} if strict else None
        return await self.call(
            "POST", path, body=obj, params=params, accept=accept, timeout=seconds
        )

    async def patch(
        self,
        path: str,
        patch: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        accept: str = METADATA,
        seconds: float = 10.0,
    ) -> dict[str, Any]:
        """Apply a JSON merge patch (a mapping) or a JSON patch (a sequence of operations).

        Returns the object as stored, by default only its metadata.
        """
        kind = MERGE_PATCH if isinstance(patch, dict) else JSON_PATCH
        return await self.call(
            "PATCH", path, body=patch, content_type=kind, accept=accept, timeout=seconds
        )

    async def delete(self, path: str, *, uid: str | None = None, seconds: float = 10.0) -> bool:
        """Delete the object at `path`; with `uid`, only if it has that uid.

        Returns whether it is gone at once. A finalizer may keep it.

        Raises:
            NotFoundError: it does not exist, or another object has its name by now.
        """
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        try:
            answer = await self.call("DELETE", path, body=options, accept=METADATA, timeout=seconds)
        except ConflictError as error:
            raise NotFoundError(error.status, error.reason, error.message) from error
        # The answer for a deleted object is a Status; for one that a finalizer keeps, the object.
        return not (answer.get("metadata") or {}).get("finalizers")

    async def call(  # noqa: PLR0913  the parts of an HTTP request, all by name
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        content_type: str = JSON,
        accept: str = JSON,
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
            answer: dict[str, Any] = json.loads(raw)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _unavailable(f"{method} {path}", error) from error
        return answer

    async def pages(
        self,
        path: str,
        params: Mapping[str, str],
        *,
        accept: str = JSON,
        seconds: float = 10.0,
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield the pages of the list of a collection, of up to `limit` (of `params`) objects each.

        `seconds`: the timeout for each page.
        """
        query = dict(params)
        while True:
            page = await self.call("GET", path, params=query, accept=accept, timeout=seconds)
            yield page
            if not (more := page["metadata"].get("continue")):
                return
            query["continue"] = more

    async def rows(
        self, path: str, params: Mapping[str, str], *columns: str, seconds: float = 10.0
    ) -> AsyncIterator[tuple[dict[str, Any], list[Any]]]:
        """Yield the metadata (if requested) and these cells of each row of the API server's table.

        `path`: of a collection or of one object. `seconds`: the timeout for each page.

        The rows come page by page, and without spec and status: no code and no output is sent.

        Raises:
            ApiError, UnavailableError: see `call`.
        """
        limit = _PAGE if params.get("includeObject") == "None" else _PAGE_OF_OBJECTS
        async for page in self.pages(
            path, {"limit": limit, **params}, accept=_TABLE, seconds=seconds
        ):
            names = [column["name"] for column in page["columnDefinitions"]]
            if missing := set(columns).difference(names):
                # An older definition of the resource, which an upgrade replaces.
                raise UnavailableError(f"GET {path}: the table has no column {missing.pop()}")
            places = [names.index(column) for column in columns]
            for row in page["rows"] or []:
                metadata = (row.get("object") or {}).get("metadata", {})
                yield metadata, [row["cells"][place] for place in places]

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        params: Mapping[str, str],
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
            raise _unavailable(f"GET {path}", error) from error

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
            raise _unavailable(path, error) from error

    async def _headers(self, accept: str) -> dict[str, str]:
        try:
            token = await self._configuration.get_api_key_with_prefix("BearerToken")
        except (ConfigException, OSError) as error:  # The token could not be read again.
            raise UnavailableError(f"no credentials: {error}", sent=False) from error
        headers = {"Accept": accept, "User-Agent": self._agent}
        return headers | {"Authorization": token} if token else headers


def _unavailable(what: str, error: Exception) -> UnavailableError:
    sent = not isinstance(error, aiohttp.ClientConnectorError)
    return UnavailableError(f"{what}: {error or type(error).__name__}", sent=sent)


def _json(body: Any) -> bytes:
    """Return the body as UTF-8. A lone surrogate becomes `?`.

    Escapes would make it up to three times as long. Beyond 1 MiB aiohttp warns, but the objects of
    Cloche are smaller (`limits`).
    """
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
