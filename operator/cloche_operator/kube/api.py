"""The operator's calls to the API server: one method for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from cloche_api import meta
from cloche_api.resources.phases import UNFINISHED
from cloche_kube.client import JSON, METADATA, METADATA_LIST, Rest
from cloche_kube.errors import NotFoundError, UnavailableError
from cloche_kube.paths import NODES, Paths
from cloche_kube.retry import retry_until_available
from cloche_kube.watch import Source
from cloche_operator.kube.stored import StoredObjects
from cloche_operator.model import pod_manifest
from cloche_operator.model.node import Node, ready_nodes
from cloche_operator.model.pod import from_object

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from cloche_api.resources.metadata import ObjectMeta
    from cloche_api.resources.typed_dicts import (
        ExecutionStatusDict,
        RuntimeStatusDict,
        SessionStatusDict,
    )
    from cloche_api.resources.typed_objects import (
        ExecutionDict,
        RuntimeDict,
        SessionDict,
        SourceDict,
    )
    from cloche_operator.model.pod import Pod
    from cloche_operator.model.pod_types import JsonPatch, PodDict, PodManifest

_NODES = "50"  # per page; each is up to 100 KiB, most of it names of images
_EXECUTIONS = 5  # per page; each takes up to 7 MiB while it is read
_PODS = 100  # per page
_LEASE_SECONDS = 3.0  # a later answer is of no use
_LOG_SECONDS = 10.0  # for a log without `follow`: the node has it on its disk
_LOG_QUIET_SECONDS = 330.0  # longer than any program may run without output
_EVENTS_SECONDS = 80  # of one watch: it gets no bookmarks, and may be quiet for as long


class Kube(StoredObjects):
    """Access to one namespace of the API server, and to the operator's Lease in another."""

    def __init__(self, rest: Rest, namespace: str, lease_namespace: str = "") -> None:
        super().__init__(rest, namespace)
        self._leases = Paths(lease_namespace or namespace).leases

    async def get_execution(self, name: str) -> ExecutionDict:
        """Return a SandboxExecution."""
        return cast("ExecutionDict", await self._rest.get(self._paths.execution(name)))

    async def execution_uid(self, name: str) -> str | None:
        """Return the uid of the SandboxExecution with this name, or None."""
        try:
            found = await self._rest.get(self._paths.execution(name), accept=METADATA)
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
        patch = {"metadata": precondition, "status": status}
        written = await self._rest.patch(f"{self._paths.execution(name)}/status", patch)
        return str(written["metadata"]["resourceVersion"])

    async def get_source(self, name: str) -> SourceDict:
        """Return a SandboxSource."""
        return cast("SourceDict", await self._rest.get(self._paths.source(name)))

    async def find_session(self, name: str) -> SessionDict | None:
        """Return the SandboxSession with this name, or None."""
        try:
            return cast("SessionDict", await self._rest.get(self._paths.session(name)))
        except NotFoundError:
            return None

    async def patch_session_status(self, name: str, uid: str, status: SessionStatusDict) -> None:
        """Write fields of a SandboxSession's status.

        Raises:
            ApiError: the object with this uid is gone, or its status is final.
        """
        patch = {"metadata": {"uid": uid}, "status": status}
        await self._rest.patch(f"{self._paths.session(name)}/status", patch)

    async def patch_runtime_status(self, name: str, status: RuntimeStatusDict) -> None:
        """Write fields of a SandboxRuntime's status."""
        await self._rest.patch(f"{self._paths.runtimes}/{name}/status", {"status": status})

    async def list_runtimes(self) -> list[RuntimeDict]:
        """Return every SandboxRuntime."""
        listed = await self._rest.get(self._paths.runtimes)
        return cast("list[RuntimeDict]", listed["items"])

    async def create_pod(self, manifest: PodManifest) -> Pod:
        """Create a Pod.

        Raises:
            AlreadyExistsError: a Pod with this name exists.
            ConflictError: the quota was being updated.
            ApiError: a quota, an admission policy or the schema refused it.
        """
        return _pod(await self._rest.create(self._paths.pods, manifest, accept=JSON))

    async def get_pod(self, name: str) -> Pod | None:
        """Return a Pod, or None if none has this name."""
        try:
            return _pod(await self._rest.get(self._paths.pod(name)))
        except NotFoundError:
            return None

    async def list_pods(self) -> list[Pod]:
        """Return every sandbox Pod."""
        params = {"labelSelector": label_selector(pod_manifest.COMPONENT)}
        listed = await self._rest.get(self._paths.pods, params=params)
        return list(map(_pod, listed["items"]))

    async def patch_pod(self, name: str, patch: list[JsonPatch]) -> None:
        """Apply a JSON patch to a Pod.

        Raises:
            InvalidError: one of its tests failed.
            NotFoundError: no Pod has this name.
        """
        await self._rest.patch(self._paths.pod(name), patch)

    async def pods_metadata(self) -> list[ObjectMeta]:
        """Return the metadata of every sandbox Pod."""
        params = {"labelSelector": label_selector(pod_manifest.COMPONENT)}
        listed = await self._rest.get(self._paths.pods, params=params, accept=METADATA_LIST)
        return [item["metadata"] for item in listed["items"] or []]

    async def delete_pod(self, name: str, uid: str) -> None:
        """Delete a Pod if it still has this uid. A missing one is not an error."""
        await self._delete(self._paths.pod(name), uid)

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
            f"{self._paths.pod(pod)}/log", params, quiet_seconds=quiet
        ) as body:
            yield b""
            async for chunk in body.iter_any():
                yield chunk

    async def create_event(self, manifest: dict[str, Any]) -> None:
        """Create an Event."""
        await self._rest.create(self._paths.events, manifest)

    @property
    def unfinished_executions(self) -> Source:
        """The executions that have not ended."""
        selector = {"fieldSelector": UNFINISHED}
        return Source(self._paths.executions, selector, one_by_one=_EXECUTIONS)

    @property
    def sandbox_pods(self) -> Source:
        """The Pods of sandboxes."""
        selector = {"labelSelector": label_selector(pod_manifest.COMPONENT)}
        return Source(self._paths.pods, selector, one_by_one=_PODS)

    @property
    def container_starts(self) -> Source:
        """The kubelets' Events about containers that they have started."""
        return Source(
            self._paths.events,
            {"fieldSelector": "reason=Started,regarding.kind=Pod"},
            list_accept=METADATA_LIST,
            list_limit=1,
            watch_seconds=_EVENTS_SECONDS,
        )

    async def nodes(self, selector: dict[str, str]) -> list[Node]:
        """Return every node with these labels on which Pods can start."""
        params = {"labelSelector": label_selector(selector), "limit": _NODES}
        found: list[Node] = []
        async for page in self._rest.pages(NODES, params):
            found += ready_nodes(page["items"])
        return found

    async def get_lease(self, name: str) -> dict[str, Any]:
        """Return a Lease."""
        return await self._rest.get(f"{self._leases}/{name}", seconds=_LEASE_SECONDS)

    async def create_lease(self, name: str, spec: dict[str, Any]) -> dict[str, Any]:
        """Create a Lease.

        Raises:
            AlreadyExistsError: a Lease with this name exists.
        """
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name},
            "spec": spec,
        }
        return await self._rest.create(self._leases, body, accept=JSON, seconds=_LEASE_SECONDS)

    async def replace_lease(self, name: str, lease: dict[str, Any]) -> dict[str, Any]:
        """Replace a Lease, if it has not changed since it was read.

        Raises:
            ConflictError: it has changed.
        """
        path = f"{self._leases}/{name}"
        return await self._rest.call("PUT", path, body=lease, timeout=_LEASE_SECONDS)

    def attach_path(self, pod: str) -> str:
        """Return the path of a Pod's attach subresource."""
        return f"{self._paths.pod(pod)}/attach"

    async def reachable(self) -> bool:
        """Return whether the API server answers."""
        try:
            await self._rest.get(self._paths.runtimes, params={"limit": "1"}, seconds=2.0)
        except UnavailableError:
            return False
        return True


def _pod(obj: dict[str, Any]) -> Pod:
    return from_object(cast("PodDict", obj))


def label_selector(labels: dict[str, str]) -> str:
    """Return the selector of objects with all of these labels."""
    return ",".join(f"{name}={value}" for name, value in labels.items())
