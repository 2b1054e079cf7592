"""The operator's calls to the API server: one method for each, without further logic."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from cloche_api import meta
from cloche_api.resources.phases import TERMINAL, UNFINISHED
from cloche_api.resources.session import SessionPhase
from cloche_kube.client import MERGE_PATCH, METADATA, METADATA_LIST, Rest
from cloche_kube.errors import ConflictError, NotFoundError, UnavailableError
from cloche_operator.model import pod_manifest
from cloche_operator.model.node import Node, ready_nodes

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

_JSON_PATCH = "application/json-patch+json"
_NODES = "50"  # per page; each is up to 100 KiB, most of it names of images
_LEASE_SECONDS = 3.0  # a later answer is of no use
_LOG_SECONDS = 10.0  # for a log without `follow`: the node has it on its disk
_LOG_QUIET_SECONDS = 330.0  # longer than any program may run without output


class Kube:
    """Access to one namespace of the API server, and to the operator's Lease in another."""

    def __init__(self, rest: Rest, namespace: str, lease_namespace: str = "") -> None:
        self._rest = rest
        home = lease_namespace or namespace
        self._leases = f"/apis/coordination.k8s.io/v1/namespaces/{home}/leases"
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        cloche = f"/apis/{meta.GROUP}/{meta.VERSION}/namespaces/{namespace}"
        self._executions = f"{cloche}/{meta.EXECUTIONS}"
        self._runtimes = f"{cloche}/{meta.RUNTIMES}"
        self._sessions = f"{cloche}/{meta.SESSIONS}"
        self._tombstones = f"{cloche}/{meta.TOMBSTONES}"
        self._sources = f"{cloche}/{meta.SOURCES}"

    async def get_execution(self, name: str) -> dict[str, Any]:
        """Return a SandboxExecution."""
        return await self._rest.call("GET", f"{self._executions}/{name}")

    async def execution_uid(self, name: str) -> str | None:
        """Return the uid of the SandboxExecution with this name, or None."""
        try:
            found = await self._rest.call("GET", f"{self._executions}/{name}", accept=METADATA)
        except NotFoundError:
            return None
        return str(found["metadata"]["uid"])

    async def patch_execution_status(
        self, name: str, uid: str, status: dict[str, Any], resource_version: str | None = None
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

    async def delete_execution(self, name: str, uid: str) -> bool:
        """Delete a record if it still has this uid. A missing one is not an error.

        Returns whether it is gone. A finalizer may keep it.
        """
        return await self._delete(f"{self._executions}/{name}", uid)

    async def unfinished(self) -> list[tuple[str, str, str]]:
        """Return name, uid and Pod name (or empty) of each execution that has not ended."""
        params = {"fieldSelector": UNFINISHED}
        return [
            (of["name"], of["uid"], pod or "")
            async for of, (pod,) in self._rest.rows(self._executions, params, "Pod")
        ]

    async def records(self) -> AsyncIterator[tuple[str, str, int | None, str, int | None]]:
        """Yield name, tenant (or empty), bytes, expiration time and TTL of each ended execution.

        Metadata is left out, because it makes the rows eight times as long.
        """
        columns = ("Name", "Phase", "Tenant", "Bytes", "Expires", "TTL")
        params = {"includeObject": "None"}
        async for _, (name, phase, tenant, size, expires, ttl) in self._rest.rows(
            self._executions, params, *columns
        ):
            if phase in TERMINAL:
                yield name, tenant or "", size, expires or "", ttl

    async def record(self, name: str) -> tuple[str, str, str] | None:
        """Return uid, expiration time and request hash (or empty) of an ended execution."""
        rows = self._rest.rows(f"{self._executions}/{name}", {}, "Phase", "Expires")
        try:
            async for of, (phase, expires) in rows:
                if phase in TERMINAL:
                    key = of.get("annotations", {}).get(meta.ANNOTATION_REQUEST_SHA256, "")
                    return of["uid"], expires or "", key
        except NotFoundError:
            pass
        return None

    async def get_source(self, name: str) -> dict[str, Any]:
        """Return a SandboxSource."""
        return await self._rest.call("GET", f"{self._sources}/{name}")

    async def sources(self) -> AsyncIterator[tuple[str, str, str]]:
        """Yield name, execution and creation time of each SandboxSource."""
        params = {"includeObject": "None"}
        async for _, (name, execution, created) in self._rest.rows(
            self._sources, params, "Name", "Execution", "Created"
        ):
            yield name, execution, created

    async def delete_source(self, name: str) -> None:
        """Delete a source. A missing one is not an error, and its name is never used again."""
        with contextlib.suppress(NotFoundError):
            await self._rest.call("DELETE", f"{self._sources}/{name}", accept=METADATA)

    async def create_tombstone(self, manifest: dict[str, Any]) -> None:
        """Create a SandboxTombstone. If one with this name exists, it stays as it is."""
        with contextlib.suppress(ConflictError):
            await self._rest.call("POST", self._tombstones, body=manifest, accept=METADATA)

    async def tombstones(self) -> AsyncIterator[tuple[str, str, str]]:
        """Yield name, tenant (or empty) and expiration time of each tombstone."""
        params = {"includeObject": "None"}
        async for _, (name, tenant, expires) in self._rest.rows(
            self._tombstones, params, "Name", "Tenant", "Expires"
        ):
            yield name, tenant or "", expires

    async def tombstone(self, name: str) -> tuple[str, str] | None:
        """Return uid and expiration time of the tombstone with this name, or None.

        A tombstone records a removed execution whose Idempotency-Key is still valid.
        """
        rows = self._rest.rows(f"{self._tombstones}/{name}", {}, "Expires")
        with contextlib.suppress(NotFoundError):
            async for of, (expires,) in rows:
                return of["uid"], expires
        return None

    async def delete_tombstone(self, name: str, uid: str) -> None:
        """Delete a tombstone. It is not an error if it is gone or its name has another uid."""
        body = {"preconditions": {"uid": uid}}
        path = f"{self._tombstones}/{name}"
        with contextlib.suppress(NotFoundError, ConflictError):
            await self._rest.call("DELETE", path, body=body, accept=METADATA)

    async def ended_sessions(self) -> list[tuple[str, str, str]]:
        """Return name, uid and end (or creation, if it never began) of each ended session."""
        params = {"fieldSelector": f"status.phase={SessionPhase.ENDED}"}
        return [
            (of["name"], of["uid"], expires or of["creationTimestamp"])
            async for of, (expires,) in self._rest.rows(self._sessions, params, "Expires")
        ]

    async def patch_session_status(self, name: str, uid: str, status: dict[str, Any]) -> None:
        """Write fields of a SandboxSession's status.

        Raises:
            ApiError: the object with this uid is gone, or its status is final.
        """
        body = {"metadata": {"uid": uid}, "status": status}
        path = f"{self._sessions}/{name}/status"
        await self._rest.call("PATCH", path, body=body, content_type=MERGE_PATCH)

    async def delete_session(self, name: str, uid: str) -> None:
        """Delete a session if it still has this uid. A missing one is not an error."""
        await self._delete(f"{self._sessions}/{name}", uid)

    async def patch_runtime_status(self, name: str, status: dict[str, Any]) -> None:
        """Write fields of a SandboxRuntime's status."""
        path = f"{self._runtimes}/{name}/status"
        body = {"status": status}
        await self._rest.call("PATCH", path, body=body, content_type=MERGE_PATCH)

    async def list_runtimes(self) -> list[dict[str, Any]]:
        """Return every SandboxRuntime."""
        items: list[dict[str, Any]] = (await self._rest.call("GET", self._runtimes))["items"]
        return items

    async def create_pod(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """Create a Pod.

        Raises:
            ConflictError: a Pod with this name exists, or the quota was being updated.
            ApiError: a quota, an admission policy or the schema refused it.
        """
        return await self._rest.call("POST", self._pods, body=manifest)

    async def get_pod(self, name: str) -> dict[str, Any] | None:
        """Return a Pod, or None if none has this name."""
        try:
            return await self._rest.call("GET", f"{self._pods}/{name}")
        except NotFoundError:
            return None

    async def list_pods(self) -> list[dict[str, Any]]:
        """Return every sandbox Pod."""
        params = {"labelSelector": label_selector(pod_manifest.COMPONENT)}
        items: list[dict[str, Any]] = (await self._rest.call("GET", self._pods, params=params))[
            "items"
        ]
        return items

    async def patch_pod(self, name: str, patch: list[dict[str, Any]]) -> dict[str, Any]:
        """Apply a JSON patch to a Pod.

        Raises:
            InvalidError: one of its tests failed.
            NotFoundError: no Pod has this name.
        """
        return await self._rest.call(
            "PATCH", f"{self._pods}/{name}", body=patch, content_type=_JSON_PATCH
        )

    async def pods_metadata(self) -> list[dict[str, Any]]:
        """Return the metadata of every sandbox Pod."""
        params = {"labelSelector": label_selector(pod_manifest.COMPONENT)}
        listed = await self._rest.call("GET", self._pods, params=params, accept=METADATA_LIST)
        return [item["metadata"] for item in listed["items"] or []]

    async def delete_pod(self, name: str, uid: str) -> None:
        """Delete a Pod if it still has this uid. A missing one is not an error."""
        await self._delete(f"{self._pods}/{name}", uid)

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

    async def _delete(self, path: str, uid: str) -> bool:
        """Delete an object if it still has this uid. Return whether it is gone at once."""
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
        try:
            answer = await self._rest.call("DELETE", path, body=options, accept=METADATA)
        except (NotFoundError, ConflictError):  # conflict: the name has another uid
            return True
        # The answer for a deleted object is a Status; for one that a finalizer keeps, the object.
        return not (answer.get("metadata") or {}).get("finalizers")


def label_selector(labels: dict[str, str]) -> str:
    """Return the selector of objects with all of these labels."""
    return ",".join(f"{name}={value}" for name, value in labels.items())
