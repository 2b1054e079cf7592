"""Every call that the operator makes to the API server, and nothing but the call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloche_api import meta
from cloche_api.rest import MERGE_PATCH, NotFoundError, Rest, UnavailableError
from cloche_operator import pods

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

_PAGE = "500"
_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
_LOG_SECONDS = 10.0  # for what a node has on its disk
_LOG_QUIET_SECONDS = 330.0  # longer than any program may run without a word


class Kube:
    """The operator's view of one namespace of one API server."""

    def __init__(self, rest: Rest, namespace: str) -> None:
        self._rest = rest
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        cloche = f"/apis/{meta.GROUP}/{meta.VERSION}/namespaces/{namespace}"
        self._executions = f"{cloche}/{meta.EXECUTIONS}"
        self._runtimes = f"{cloche}/{meta.RUNTIMES}"

    async def get_execution(self, name: str) -> dict[str, Any]:
        """One SandboxExecution."""
        return await self._rest.call("GET", f"{self._executions}/{name}")

    async def patch_execution_status(
        self, name: str, uid: str, status: dict[str, Any], resource_version: str | None = None
    ) -> dict[str, Any]:
        """Write a status; with a resource version only if the object is still that one.

        Raises:
            ConflictError: it is not.
            ApiError: the object of that uid is gone, or its status is final.
        """
        precondition = {"uid": uid}
        if resource_version is not None:
            precondition["resourceVersion"] = resource_version
        return await self._rest.call(
            "PATCH",
            f"{self._executions}/{name}/status",
            body={"metadata": precondition, "status": status},
            content_type=MERGE_PATCH,
        )

    async def delete_execution(self, name: str, uid: str) -> None:
        """Delete a record, if it is still that one; one that is gone is fine."""
        await self._delete(f"{self._executions}/{name}", uid)

    async def executions_in(self, phase: str) -> AsyncIterator[tuple[str, str, str]]:
        """Name, uid and expiration time (empty when unknown) of every execution of a phase.

        They are read as the API server's table, page by page: no code and no output is sent.
        """
        params = {"limit": _PAGE, "fieldSelector": f"status.phase={phase}"}
        while True:
            page = await self._rest.call("GET", self._executions, params=params, accept=_TABLE)
            columns = [column["name"] for column in page["columnDefinitions"]]
            expires = columns.index("Expires")
            for row in page["rows"] or []:
                of = row["object"]["metadata"]
                yield of["name"], of["uid"], row["cells"][expires] or ""
            if not (more := page["metadata"].get("continue")):
                return
            params["continue"] = more

    async def list_runtimes(self) -> list[dict[str, Any]]:
        """Every SandboxRuntime."""
        items: list[dict[str, Any]] = (await self._rest.call("GET", self._runtimes))["items"]
        return items

    async def create_pod(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """Create a Pod.

        Raises:
            ConflictError: there is one of that name.
            ApiError: a quota, an admission policy or the schema refused it.
        """
        return await self._rest.call("POST", self._pods, body=manifest)

    async def get_pod(self, name: str) -> dict[str, Any] | None:
        """One Pod, or None when there is none of that name."""
        try:
            return await self._rest.call("GET", f"{self._pods}/{name}")
        except NotFoundError:
            return None

    async def list_pods(self) -> list[dict[str, Any]]:
        """Every sandbox Pod."""
        params = {"labelSelector": label_selector(pods.COMPONENT)}
        items: list[dict[str, Any]] = (await self._rest.call("GET", self._pods, params=params))[
            "items"
        ]
        return items

    async def delete_pod(self, name: str, uid: str) -> None:
        """Delete a Pod, if it is still that one; one that is gone is fine."""
        await self._delete(f"{self._pods}/{name}", uid)

    async def log(self, pod: str, *, follow: bool) -> AsyncGenerator[bytes, None]:
        """What the container wrote, from its first byte: until it ends, or until now.

        The first item is empty: the stream stands, and misses nothing from then on.

        Raises:
            ApiError: there is no such Pod (NotFoundError), or its container has not started.
            UnavailableError: the stream broke.
        """
        params = {"container": pods.CONTAINER, "follow": str(follow).lower()}
        quiet = _LOG_QUIET_SECONDS if follow else _LOG_SECONDS
        async with self._rest.stream(
            f"{self._pods}/{pod}/log", params, quiet_seconds=quiet
        ) as body:
            yield b""
            async for chunk in body.iter_any():
                yield chunk

    async def node_memory(self, selector: dict[str, str]) -> list[str]:
        """The allocatable memory of every ready, schedulable node with these labels."""
        params = {"labelSelector": label_selector(selector)}
        nodes = await self._rest.call("GET", "/api/v1/nodes", params=params)
        return [
            node["status"]["allocatable"]["memory"]
            for node in nodes["items"]
            if not node["spec"].get("unschedulable") and _is_ready(node)
        ]

    def attach_path(self, pod: str) -> str:
        """The path of a Pod's attach."""
        return f"{self._pods}/{pod}/attach"

    async def reachable(self) -> bool:
        """Whether the API server answers."""
        try:
            await self._rest.call("GET", self._runtimes, params={"limit": "1"}, timeout=2.0)
        except UnavailableError:
            return False
        return True

    async def _delete(self, path: str, uid: str) -> None:
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
        try:
            await self._rest.call("DELETE", path, body=options)
        except NotFoundError:
            return


def label_selector(labels: dict[str, str]) -> str:
    """The selector of what has all of these labels."""
    return ",".join(f"{name}={value}" for name, value in labels.items())


def _is_ready(node: dict[str, Any]) -> bool:
    return any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in node["status"].get("conditions", [])
    )
