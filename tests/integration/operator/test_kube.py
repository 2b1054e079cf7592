"""The operator's calls against a real API server."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from typing import Any

import pytest
from support.clients.api_server import CORE, ApiServer
from support.data.api_pods import pod as api_pod
from support.fixtures.control_planes import ControlPlane
from support.fixtures.fake_cluster import BOUND_SECONDS
from support.fixtures.operator.parts import operator_parts

from cloche_kube.client import Rest
from cloche_operator.kube.api import Kube

_POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "taken"},
    "spec": {"containers": [{"name": "sandbox", "image": "none"}]},
}


@pytest.mark.parametrize("deleted", ["the existing Pod", "its predecessor", "none"])
def test_delete_pod_deletes_only_the_pod_with_the_given_uid(
    server: ApiServer, control_plane: ControlPlane, namespace: str, deleted: str
) -> None:
    """Another Pod with its name stays, because it may be replaced between read and deletion."""
    path = f"{CORE}/{namespace}/pods"
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    server.create(f"{CORE}/{namespace}/serviceaccounts", account)
    name = "free" if deleted == "none" else "taken"
    uid = server.create(path, copy.deepcopy(_POD))["metadata"]["uid"]
    if deleted == "its predecessor":
        server.delete(f"{path}/taken")
        server.create(path, copy.deepcopy(_POD))

    async def delete() -> None:
        rest = await Rest.connect(str(control_plane.kubeconfig))
        try:
            await Kube(rest, namespace).delete_pod(name, uid)
        finally:
            await rest.close()

    asyncio.run(delete())
    left = server.find(f"{path}/taken")
    assert (left is None) == (deleted == "the existing Pod")


def _started(pod: str, *, reason: str = "Started", kind: str = "Pod") -> dict[str, Any]:
    """Return an Event as the kubelet posts it. `pod`: the name, and the uid."""
    regarding = {"apiVersion": "v1", "kind": kind, "name": pod, "uid": pod}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{pod}."},
        "involvedObject": regarding,
        "reason": reason,
        "message": "Container started",
        "source": {"component": "kubelet"},
        "count": 1,
    }


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        while not condition():  # noqa: ASYNC110  an Event of the API server sets it
            await asyncio.sleep(0.01)


def test_the_kubelets_event_reaches_only_the_start_of_its_pod(
    server: ApiServer, control_plane: ControlPlane, namespace: str
) -> None:
    """Events of before the watch do not count, and one that is posted again does."""
    path = f"{CORE}/{namespace}/events"

    def post(event: dict[str, Any]) -> str:
        body = copy.deepcopy(event)
        body["metadata"]["namespace"] = body["involvedObject"]["namespace"] = namespace
        return str(server.create(path, body)["metadata"]["name"])

    async def follow() -> None:
        async with operator_parts(control_plane.kubeconfig, namespace) as ctx:
            starts = ctx.container_starts
            post(_started("awaited"))
            following = asyncio.create_task(starts.follow_for_ever())
            with (
                starts.awaited(api_pod(name="awaited", uid="awaited")) as awaited,
                starts.awaited(api_pod(name="last", uid="last")) as last,
            ):
                await _until(lambda: starts.followed)
                post(_started("awaited", reason="Pulled"))
                post(_started("awaited", kind="Job"))
                post(_started("other"))
                name = post(_started("last"))
                await _until(lambda: last.arrived)
                assert not awaited.arrived
                last.arrived = False
                post(_started("awaited"))
                await _until(lambda: awaited.arrived)
                assert not last.arrived
                server.merge(f"{path}/{name}", {"count": 2})
                await _until(lambda: last.arrived)
            following.cancel()

    asyncio.run(follow())
