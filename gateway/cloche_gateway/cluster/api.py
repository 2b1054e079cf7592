"""Client of the API server, with the calls that the gateway makes.

All its errors are a `KubeError`. No other module handles exceptions of `cloche_kube` or of the HTTP
client.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from kubernetes.aio.config import ConfigException
from pydantic_core import from_json

from cloche_gateway.cluster.kube_errors import (
    ConflictError,
    NotFoundError,
    UnavailableError,
    of_answer,
    of_status,
)
from cloche_kube import errors as kube_errors
from cloche_kube.client import MERGE_PATCH, METADATA, Rest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
    from datetime import datetime

_WATCH_SECONDS = 300
_WATCH_SILENCE = 100.0
"""A watch that receives nothing for this time has lost its server, because a bookmark comes about
every minute."""
_LOG_SILENCE = 330.0
"""A log may receive nothing for this time, because a program can run for 300 s without output."""
_LINE_BYTES = 16 * 1024 * 1024  # An object has at most 1.5 MiB; JSON escapes can expand it.
_LOG_LINE_BYTES = 2 * 1024 * 1024
"""Twice the longest event of a supervisor. Longer lines are not events and are skipped."""


class LongLineError(Exception):
    """A line is longer than the limit."""


class KubeClient:
    """Client of one API server over kept-alive connections. Call `close` at the end.

    `seconds` is the timeout of a call. All calls raise only `KubeError`s. Paths are those of
    `paths`.
    """

    def __init__(self, wire: Rest) -> None:
        self._wire = wire

    @classmethod
    async def connect(cls, kubeconfig: str | None = None) -> Self:
        """Return a client with the API server and credentials of `Rest.connect`. Send nothing yet.

        Raises:
            kube_errors.NoClusterError: there is neither a service account nor a kubeconfig.
        """
        return cls(await Rest.connect(kubeconfig))

    def now(self) -> datetime:
        """Return the API server's time, according to its responses."""
        return self._wire.clock.now()

    async def close(self) -> None:
        """Close all connections."""
        await self._wire.close()

    async def get(
        self,
        path: str,
        *,
        seconds: float,
        accept: str = "application/json",
        params: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Return the object or list at `path`."""
        with _translated():
            return await self._wire.call(
                "GET", path, params=dict(params or {}), accept=accept, timeout=seconds
            )

    async def rows(
        self, path: str, params: Mapping[str, str], *columns: str
    ) -> AsyncIterator[list[Any]]:
        """Yield the cells of these columns for each object of a collection.

        The API server renders the collection as a table, without the objects or their metadata.
        """
        with _translated():
            query = {**params, "includeObject": "None"}
            async for _, cells in self._wire.rows(path, query, *columns):
                yield cells

    async def state(
        self, path: str, *, seconds: float, since: str | None = None
    ) -> tuple[str, str]:
        """Return the uid and the phase of the execution at `path`, without reading all of it.

        With `since`, a resource version, the result may be from the API server's cache, but is at
        least as new as that version. The API server then need not read from etcd.

        Raises:
            NotFoundError: the execution does not exist.
        """
        params = {"includeObject": "Metadata"} | ({"resourceVersion": since} if since else {})
        with _translated():
            async for metadata, (phase,) in self._wire.rows(path, params, "Phase", seconds=seconds):
                return metadata["uid"], phase
        raise NotFoundError(path)

    async def create(self, path: str, obj: dict[str, Any], *, seconds: float) -> dict[str, Any]:
        """Create the object in the collection at `path` and return the metadata as stored.

        Fields that the installed schema does not have are rejected (InvalidError) instead of
        dropped.
        """
        params = {"fieldManager": "cloche-gateway", "fieldValidation": "Strict"}
        with _translated():
            return await self._wire.call(
                "POST", path, body=obj, params=params, accept=METADATA, timeout=seconds
            )

    async def patch(self, path: str, patch: dict[str, Any], *, seconds: float) -> dict[str, Any]:
        """Apply a JSON merge patch and return the object's metadata."""
        params = {"fieldManager": "cloche-gateway"}
        with _translated():
            return await self._wire.call(
                "PATCH",
                path,
                body=patch,
                params=params,
                content_type=MERGE_PATCH,
                accept=METADATA,
                timeout=seconds,
            )

    async def delete(self, path: str, *, seconds: float, uid: str | None = None) -> None:
        """Delete the object at `path`. If `uid` is given, delete it only if it has that uid.

        Raises:
            NotFoundError: it does not exist, or another object has its name by now.
        """
        body = {"preconditions": {"uid": uid}} if uid is not None else None
        try:
            with _translated():
                await self._wire.call("DELETE", path, body=body, accept=METADATA, timeout=seconds)
        except ConflictError as error:
            raise NotFoundError(str(error)) from error

    async def watch(
        self, path: str, *, params: Mapping[str, str]
    ) -> AsyncGenerator[dict[str, Any] | None, None]:
        """Yield None once the watch is established, and then its events until the server ends it.

        The server ends a watch after 300 s.
        """
        query = {
            **params,
            "watch": "1",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        with _translated():
            async with self._wire.stream(path, query, quiet_seconds=_WATCH_SILENCE) as content:
                yield None
                async for line in lines_of(content.iter_any(), _LINE_BYTES):
                    event: dict[str, Any] = from_json(line)
                    if event.get("type") == "ERROR":
                        raise of_status(event["object"])
                    yield event

    async def log(self, pod: str, *, container: str, follow: bool) -> AsyncGenerator[bytes, None]:
        """Yield the lines of the log of a container in the Pod at path `pod`, from its beginning.

        With `follow`, the log is followed until the container ends. Lines of more than 2 MiB are
        skipped.

        Raises:
            NotFoundError: the Pod does not exist.
            InvalidError: the container has not started.
        """
        params = {"container": container, "follow": "true" if follow else "false"}
        with _translated():
            async with self._wire.stream(
                f"{pod}/log", params, quiet_seconds=_LOG_SILENCE
            ) as content:
                async for line in lines_of(content.iter_any(), _LOG_LINE_BYTES, skip=True):
                    yield line


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Translate exceptions of `cloche_kube.client` and the HTTP client into `KubeError`s."""
    try:
        yield
    except kube_errors.UnavailableError as error:
        never = isinstance(error.__cause__, aiohttp.ClientConnectorError)
        raise UnavailableError(str(error), sent=not never) from error
    except kube_errors.ApiError as error:
        raise of_answer(error.status, error.reason, error.message) from error
    except (ConfigException, FileNotFoundError) as error:  # The token could not be reloaded.
        raise UnavailableError(f"no credentials: {error}", sent=False) from error
    except (aiohttp.ClientError, OSError, ValueError, LongLineError) as error:
        raise UnavailableError(f"the answer broke off: {error!r}", sent=True) from error


async def lines_of(
    chunks: AsyncIterator[bytes], most: int, *, skip: bool = False
) -> AsyncIterator[bytes]:
    """Yield the non-empty lines of a stream, without their line breaks.

    A last line without a line break is not yielded.

    `most` is the longest line in bytes. With `skip`, longer lines are skipped. aiohttp's stream
    reader cannot be used for this, because its own limit is lower.

    Raises:
        LongLineError: a line is longer than `most`, and `skip` is False.
    """
    kept = bytearray()
    skipping = False
    async for chunk in chunks:
        first, found, rest_of_chunk = chunk.partition(b"\n")
        if not skipping:
            kept += first
        if len(kept) > most:
            if not skip:
                raise LongLineError(f"a line of more than {most} bytes")
            skipping, kept = True, bytearray()
        if not found:
            continue
        *whole, last = rest_of_chunk.split(b"\n")
        if kept and not skipping:
            yield bytes(kept)
        skipping, kept = False, bytearray(last)
        for line in whole:
            if line:
                yield line
