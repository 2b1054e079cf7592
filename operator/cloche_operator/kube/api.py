"""The operator's calls to the API server: one method for each, and the repetition of a call."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar, cast

from cloche_api import meta
from cloche_kube.client import MERGE_PATCH, METADATA, METADATA_LIST, Rest
from cloche_kube.errors import NotFoundError, UnavailableError
from cloche_operator.kube.stored import StoredObjects
from cloche_operator.model import pod_manifest
from cloche_operator.model.node import Node, ready_nodes
from cloche_operator.model.pod import from_object

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from cloche_api.resources.metadata import ObjectMeta
    from cloche_api.resources.typed_dicts import (
        ExecutionStatusDict,
        RuntimeStatusDict,
        SessionStatusDict,
    )
    from cloche_api.resources.typed_objects import ExecutionDict, RuntimeDict, SourceDict
    from cloche_operator.model.pod import Pod
    from cloche_operator.model.pod_types import JsonPatch, PodDict, PodManifest

_T = TypeVar("_T")
_JSON_PATCH = "application/json-patch+json"
_NODES = "50"  # per page; each is up to 100 KiB, most of it names of images
_LEASE_SECONDS = 3.0  # a later answer is of no use
_LOG_SECONDS = 10.0  # for a log without `follow`: the node has it on its disk
_LOG_QUIET_SECONDS = 330.0  # longer than any program may run without output
_FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS = 0.1, 5.0

log = logging.getLogger(__name__)


class Kube(StoredObjects):
    """Access to one namespace of the API server, and to the operator's Lease in another."""

    def __init__(self, rest: Rest, namespace: str, lease_namespace: str = "") -> None:
        super().__init__(rest, namespace)
        home = lease_namespace or namespace
        self._leases = f"/apis/coordination.k8s.io/v1/namespaces/{home}/leases"
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        self._events = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"

    async def get_execution(self, name: str) -> ExecutionDict:
        """Return a SandboxExecution."""
        return cast("ExecutionDict", await self._rest.call("GET", f"{self._executions}/{name}"))

    async def execution_uid(self, name: str) -> str | None:
        """Return the uid of the SandboxExecution with this name, or None."""
        try:
            found = await self._rest.call("GET", f"{self._executions}/{name}", accept=METADATA)
        except NotFoundError:
            return None
        return str(found["metadata"]["uid"])

    async def patch_execution_status(
        self,
        name: str,
        uid: str,
        status: ExecutionStatusDict,
        resource_version: str | None = None,
    ) -> str:
        """Write a status; with a resource version, only if the object still has it.

        Returns the object's new resource version. The rest may be large and is known to the caller.

        Raises:
            ConflictError: the object has another resource version.
            ApiError: the object with this uid is gone, or its status is final.
        """
        precondition = {"uid": uid}
        if resource_version is not None:
            precondition["resourceVersion"] = resource_version
        written = await self._rest.call(
            "PATCH",
            f"{self._executions}/{name}/status",
            body={"metadata": precondition, "status": status},
            content_type=MERGE_PATCH,
            accept=METADATA,
        )
        return str(written["metadata"]["resourceVersion"])

    async def get_source(self, name: str) -> SourceDict:
        """Return a SandboxSource."""
        return cast("SourceDict", await self._rest.call("GET", f"{self._sources}/{name}"))

    async def patch_session_status(self, name: str, uid: str, status: SessionStatusDict) -> None:
        """Write fields of a SandboxSession's status.

        Raises:
            ApiError: the object with this uid is gone, or its status is final.
        """
        body = {"metadata": {"uid": uid}, "status": status}
        path = f"{self._sessions}/{name}/status"
        await self._rest.call("PATCH", path, body=body, content_type=MERGE_PATCH)

    async def patch_runtime_status(self, name: str, status: RuntimeStatusDict) -> None:
        """Write fields of a SandboxRuntime's status."""
        path = f"{self._runtimes}/{name}/status"
        body = {"status": status}
        await self._rest.call("PATCH", path, body=body, content_type=MERGE_PATCH)

    async def list_runtimes(self) -> list[RuntimeDict]:
        """Return every SandboxRuntime."""
        listed = await self._rest.call("GET", self._runtimes)
        return cast("list[RuntimeDict]", listed["items"])

    async def create_pod(self, manifest: PodManifest) -> Pod:
        """Create a Pod.

        Raises:
            ConflictError: a Pod with this name exists, or the quota was being updated.
            ApiError: a quota, an admission policy or the schema refused it.
        """
        return _pod(await self._rest.call("POST", self._pods, body=manifest))

    async def get_pod(self, name: str) -> Pod | None:
        """Return a Pod, or None if none has this name."""
        try:
            return _pod(await self._rest.call("GET", f"{self._pods}/{name}"))
        except NotFoundError:
            return None

    async def list_pods(self) -> list[Pod]:
        """Return every sandbox Pod."""
        params = {"labelSelector": label_selector(pod_manifest.COMPONENT)}
        listed = await self._rest.call("GET", self._pods, params=params)
        return list(map(_pod, listed["items"]))

    async def patch_pod(self, name: str, patch: list[JsonPatch]) -> None:
        """Apply a JSON patch to a Pod.

        Raises:
            InvalidError: one of its tests failed.
            NotFoundError: no Pod has this name.
        """
        await self._rest.call("PATCH", f"{self._pods}/{name}", body=patch, content_type=_JSON_PATCH)

    async def pods_metadata(self) -> list[ObjectMeta]:
        """Return the metadata of every sandbox Pod."""
        params = {"labelSelector": label_selector(pod_manifest.COMPONENT)}
        listed = await self._rest.call("GET", self._pods, params=params, accept=METADATA_LIST)
        return [item["metadata"] for item in listed["items"] or []]

    async def delete_pod(self, name: str, uid: str) -> None:
        """Delete a Pod if it still has this uid. A missing one is not an error."""
        await self._delete(f"{self._pods}/{name}", uid)

    async def ensure_pod_deleted(self, name: str, uid: str) -> None:
        """Delete a Pod like `delete_pod`, and repeat that until the API server answers."""
        await retry_until_available(lambda: self.delete_pod(name, uid))

    async def log(self, pod: str, *, follow: bool) -> AsyncGenerator[bytes, None]:
        """Yield the container's log from its first byte: to its end, or up to now.

        The first item is empty. It shows that the stream is open and misses nothing from then on.

        Raises:
            ApiError: no Pod has this name (NotFoundError), or its container has not started.
            UnavailableError: the stream broke.
        """
        params = {"container": meta.CONTAINER, "follow": str(follow).lower()}
        quiet = _LOG_QUIET_SECONDS if follow else _LOG_SECONDS
        async with self._rest.stream(
            f"{self._pods}/{pod}/log", params, quiet_seconds=quiet
        ) as body:
            yield b""
            async for chunk in body.iter_any():
                yield chunk

    async def create_event(self, manifest: dict[str, Any]) -> None:
        """Create an Event."""
        await self._rest.call("POST", self._events, body=manifest, accept=METADATA)

    async def nodes(self, selector: dict[str, str]) -> list[Node]:
        """Return every node with these labels on which Pods can start."""
        params = {"labelSelector": label_selector(selector), "limit": _NODES}
        found: list[Node] = []
        while True:
            page = await self._rest.call("GET", "/api/v1/nodes", params=params)
            found += ready_nodes(page["items"])
            if not (more := page["metadata"].get("continue")):
                return found
            params["continue"] = more

    async def get_lease(self, name: str) -> dict[str, Any]:
        """Return a Lease."""
        return await self._rest.call("GET", f"{self._leases}/{name}", timeout=_LEASE_SECONDS)

    async def create_lease(self, name: str, spec: dict[str, Any]) -> dict[str, Any]:
        """Create a Lease.

        Raises:
            ConflictError: a Lease with this name exists.
        """
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name},
            "spec": spec,
        }
        return await self._rest.call("POST", self._leases, body=body, timeout=_LEASE_SECONDS)

    async def replace_lease(self, name: str, lease: dict[str, Any]) -> dict[str, Any]:
        """Replace a Lease, if it has not changed since it was read.

        Raises:
            ConflictError: it has changed.
        """
        path = f"{self._leases}/{name}"
        return await self._rest.call("PUT", path, body=lease, timeout=_LEASE_SECONDS)

    def attach_path(self, pod: str) -> str:
        """Return the path of a Pod's attach subresource."""
        return f"{self._pods}/{pod}/attach"

    async def reachable(self) -> bool:
        """Return whether the API server answers."""
        try:
            await self._rest.call("GET", self._runtimes, params={"limit": "1"}, timeout=2.0)
        except UnavailableError:
            return False
        return True


def _pod(obj: dict[str, Any]) -> Pod:
    return from_object(cast("PodDict", obj))


def label_selector(labels: dict[str, str]) -> str:
    """Return the selector of objects with all of these labels."""
    return ",".join(f"{name}={value}" for name, value in labels.items())


async def retry_until_available(call: Callable[[], Awaitable[_T]]) -> _T:
    """Repeat a call until the API server answers. It must be harmless if it takes effect twice."""
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return await call()
        except UnavailableError as error:
            log.warning("the API server does not answer, retrying in %.1f s: %s", pause, error)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LAST_PAUSE_SECONDS)
