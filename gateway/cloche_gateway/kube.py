"""The API server: the calls that the gateway makes, and the only errors that come of them.

The one module that knows what `cloche_api.rest` and the wire raise; what leaves it is a
`KubeError`.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from kubernetes.aio.config import ConfigException
from pydantic_core import from_json

from cloche_api import rest
from cloche_api.rest import MERGE_PATCH, METADATA, Rest
from cloche_gateway.lines import LongLineError, lines_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
    from datetime import datetime


_WATCH_SECONDS = 300
_WATCH_SILENCE = 100.0
"""A watch gets a bookmark about every minute; one that gets nothing has lost its server."""
_LOG_SILENCE = 330.0
"""A program may run for 300 s without a word."""
_LINE_BYTES = 16 * 1024 * 1024  # an object is at most 1.5 MiB, whatever its escapes
_LOG_LINE_BYTES = 2 * 1024 * 1024
"""Twice the longest event of a supervisor. What is longer is none, and is passed over."""
_GONE = 410
_FORBIDDEN = 403
_REFUSED = frozenset({400, 413, 422})


class KubeError(Exception):
    """The API server did not do what was asked."""


class UnavailableError(KubeError):
    """It could not be reached, did not answer in time, or says that it cannot serve now.

    `sent` is false when the request certainly had no effect.
    """

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class NotFoundError(KubeError):
    """There is no such object."""


class AlreadyExistsError(KubeError):
    """An object of that name is there."""


class ConflictError(KubeError):
    """A precondition did not hold."""


class GoneError(KubeError):
    """The resourceVersion is too old to watch from."""


class ForbiddenError(KubeError):
    """We may not: RBAC, a quota, a policy, or a namespace that is going away."""


class InvalidError(KubeError):
    """The object breaks the API server's rules; the message names the field."""


class KubeClient:
    """Calls of one API server over kept-alive connections. `close` it.

    Every call has `seconds` to be done and raises `KubeError`s alone.
    """

    def __init__(self, wire: Rest) -> None:
        self._wire = wire

    @classmethod
    async def connect(cls, kubeconfig: str | None = None) -> Self:
        """Find the API server and our credentials, as `Rest.connect`; nothing is sent yet.

        Raises:
            rest.NoClusterError: when there is neither a service account nor a kubeconfig.
        """
        return cls(await Rest.connect(kubeconfig))

    def now(self) -> datetime:
        """The API server's time, as its answers tell it."""
        return self._wire.clock.now()

    async def close(self) -> None:
        """End all connections."""
        await self._wire.close()

    async def get(
        self,
        path: str,
        *,
        seconds: float,
        accept: str = "application/json",
        params: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The object or list at `path`."""
        with _translated():
            return await self._wire.call(
                "GET", path, params=dict(params or {}), accept=accept, timeout=seconds
            )

    async def rows(
        self, path: str, params: Mapping[str, str], *columns: str
    ) -> AsyncIterator[list[Any]]:
        """These cells of the API server's table of a collection, row by row, without metadata."""
        with _translated():
            query = {**params, "includeObject": "None"}
            async for _, cells in self._wire.rows(path, query, *columns):
                yield cells

    async def state(
        self, path: str, *, seconds: float, since: str | None = None
    ) -> tuple[str, str]:
        """The uid and the phase of the execution at `path`, without what it says and printed.

        With `since`, a resource version, as it was then or later: the API server need not read the
        object from etcd.
        """
        params = {"includeObject": "Metadata"} | ({"resourceVersion": since} if since else {})
        with _translated():
            async for metadata, (phase,) in self._wire.rows(path, params, "Phase", seconds=seconds):
                return metadata["uid"], phase
        raise NotFoundError(path)

    async def create(self, path: str, obj: dict[str, Any], *, seconds: float) -> dict[str, Any]:
        """Create the object in the collection at `path`; its metadata as it was stored.

        Fields that the installed schema does not know are refused, not dropped.
        """
        params = {"fieldManager": "cloche-gateway", "fieldValidation": "Strict"}
        with _translated():
            return await self._wire.call(
                "POST", path, body=obj, params=params, accept=METADATA, timeout=seconds
            )

    async def patch(self, path: str, patch: dict[str, Any], *, seconds: float) -> dict[str, Any]:
        """Apply a JSON merge patch; the object's metadata afterwards."""
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
        """Delete the object at `path`, only if it has this uid when one is given.

        Raises:
            NotFoundError: when it is not there; also when another has its name by now.
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
        """The events of a watch, until the server ends it. The first item is None: it stands."""
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
                        _raise_for(event["object"])
                    yield event

    async def log(self, pod: str, *, container: str, follow: bool) -> AsyncGenerator[bytes, None]:
        """The lines that a container of the Pod at that path wrote, from the first to the last.

        With `follow` until the container ends, else those that are there. Lines of more than 2 MiB
        are left out.

        Raises:
            NotFoundError: there is no such Pod.
            InvalidError: its container has not started.
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
    """Turn whatever the wire raises into a `KubeError`."""
    try:
        yield
    except rest.UnavailableError as error:
        never = isinstance(error.__cause__, aiohttp.ClientConnectorError)
        raise UnavailableError(str(error), sent=not never) from error
    except rest.ApiError as error:
        raise _of_answer(error.status, error.reason, error.message) from error
    except (ConfigException, FileNotFoundError) as error:  # a token that cannot be read anew
        raise UnavailableError(f"no credentials: {error}", sent=False) from error
    except (aiohttp.ClientError, OSError, ValueError, LongLineError) as error:
        raise UnavailableError(f"the answer broke off: {error!r}", sent=True) from error


def _raise_for(status: dict[str, Any]) -> None:
    """Raise the error that a watch ended with, a metav1.Status."""
    code, message = int(status.get("code", 500)), str(status.get("message", ""))
    raise _of_answer(code, str(status.get("reason", "")), message)


_CONFLICTS = {"AlreadyExists": AlreadyExistsError, "Conflict": ConflictError}
"""The two kinds of 409."""


def _of_answer(code: int, reason: str, message: str) -> KubeError:
    if code == 404:  # noqa: PLR2004
        return NotFoundError(message)
    if code == _GONE or reason == "Expired":
        return GoneError(message)
    if reason in _CONFLICTS:
        return _CONFLICTS[reason](message)
    if code == _FORBIDDEN:
        return ForbiddenError(message)
    if code in _REFUSED:
        return InvalidError(message)
    # 401: a token on its way out, nothing was done; 5xx in a watch: it may be asked again.
    return UnavailableError(f"HTTP {code}: {message}", sent=code != 401)  # noqa: PLR2004
