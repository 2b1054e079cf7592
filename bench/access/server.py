"""The benchmarks' access to the API server, except for the measurements."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Any

from progress import BenchError

from cloche_api import meta
from cloche_kube.client import METADATA_LIST, Rest
from cloche_kube.errors import ConflictError, NotFoundError
from cloche_operator.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

SYSTEM = "cloche-system"
_UNWATCHED = "cloche-bench"
# Neither operator nor gateway watches this namespace; they would act on its objects.
UNWATCHED = f"/apis/{meta.GROUP}/{meta.VERSION}/namespaces/{_UNWATCHED}/{meta.EXECUTIONS}"
LABEL = f"{meta.GROUP}/bench"
"""A label of everything that a benchmark creates."""
_LOOK_SECONDS = 0.05  # the cluster is idle except for this polling
_QUIET_SECONDS = 180.0  # for 20 Pods to start, 0.5 CPU seconds each, on a busy machine
_AT_A_TIME = 16


class Cluster:
    """The sandbox namespace of the installation."""

    def __init__(self, rest: Rest, settings: Settings, kubeconfig: str) -> None:
        self.rest = rest
        self.kubeconfig = kubeconfig
        self.settings = settings
        cloche = f"/apis/{meta.GROUP}/{meta.VERSION}/namespaces/{settings.namespace}"
        self.pods = f"/api/v1/namespaces/{settings.namespace}/pods"
        self.executions = f"{cloche}/{meta.EXECUTIONS}"
        self.runtimes = f"{cloche}/{meta.RUNTIMES}"

    async def make_unwatched(self) -> None:
        """Create the namespace of `UNWATCHED`, with a label for which policies admit executions."""
        labels = {meta.LABEL_SANDBOX_NAMESPACE: "bench"}
        namespace = {"metadata": {"name": _UNWATCHED, "labels": labels}}
        with contextlib.suppress(ConflictError):
            await self.rest.call("POST", "/api/v1/namespaces", body=namespace)

    async def runtime(self, name: str) -> dict[str, Any]:
        """Return a SandboxRuntime."""
        return await self.rest.call("GET", f"{self.runtimes}/{name}")

    async def list_metadata(self, path: str, selector: str = "") -> list[dict[str, Any]]:
        """Return the metadata of all objects with these labels, read page by page."""
        params = {"labelSelector": selector, "limit": "500"}
        pages = self.rest.pages(path, params, accept=METADATA_LIST, seconds=60)
        return [item["metadata"] async for page in pages for item in page["items"] or []]

    async def remove_all(self, path: str, selector: str) -> int:
        """Delete all objects with these labels, and return their number."""
        found = await self.list_metadata(path, selector)
        await self.at_once(self._delete(f"{path}/{of['name']}") for of in found)
        return len(found)

    async def remove(self, path: str, name: str) -> None:
        """Delete an object, if it exists."""
        await self._delete(f"{path}/{name}")

    async def replace(self, path: str, manifest: dict[str, Any]) -> dict[str, Any]:
        """Create an object, replacing one of an interrupted run."""
        while True:
            try:
                return await self.rest.call("POST", path, body=manifest)
            except ConflictError:
                await self.remove(path, manifest["metadata"]["name"])
                await asyncio.sleep(_LOOK_SECONDS)

    async def at_once(self, calls: Iterable[Any]) -> None:
        """Await all of them, with limited concurrency."""
        left = iter(calls)

        async def work() -> None:
            for call in left:
                await call

        await asyncio.gather(*(work() for _ in range(_AT_A_TIME)))

    async def has_ready(self, name: str, count: int) -> None:
        """Wait until this number of Pods of a runtime is waiting.

        Raises:
            BenchError: they do not become ready in time.
        """
        try:
            async with asyncio.timeout(_QUIET_SECONDS):
                while ((await self.runtime(name)).get("status", {}).get("ready") or 0) < count:
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            await self._not_quiet()

    async def quiet(self) -> None:
        """Wait until every pool is full and there are no other Pods, terminating ones included.

        Raises:
            BenchError: the cluster does not become quiet in time.
        """
        try:
            async with asyncio.timeout(_QUIET_SECONDS):
                while not await self.is_quiet():
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            await self._not_quiet()

    async def is_quiet(self) -> bool:
        """Return whether every pool is full and there are no other Pods."""
        runtimes = (await self.rest.call("GET", self.runtimes))["items"]
        wanted = sum(runtime["spec"]["pool"]["size"] for runtime in runtimes)
        ready = sum(runtime.get("status", {}).get("ready") or 0 for runtime in runtimes)
        if ready != wanted:
            return False
        pods = await self.list_metadata(self.pods)
        return len(pods) == wanted and not any("deletionTimestamp" in pod for pod in pods)

    async def _not_quiet(self) -> None:
        runtimes = (await self.rest.call("GET", self.runtimes))["items"]
        pods = await self.list_metadata(self.pods)
        of_pools = "; ".join(
            f"{runtime['metadata']['name']} wants {runtime['spec']['pool']['size']}, "
            f"status {runtime.get('status', {})}"
            for runtime in runtimes
        )
        raise BenchError(
            f"The cluster did not become idle within {_QUIET_SECONDS:.0f} s: "
            f"{len(pods)} Pods in {self.settings.namespace}. {of_pools}"
        )

    async def _delete(self, path: str) -> None:
        try:
            await self.rest.call("DELETE", path)
        except NotFoundError:
            return


async def installed_settings(rest: Rest) -> Settings:
    """Return the installed operator's settings, so that the bare Pod matches its Pods."""
    path = f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/cloche-operator"
    deployment = await rest.call("GET", path)
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    os.environ.update({env["name"]: env["value"] for env in container["env"] if env.get("value")})
    return Settings()
