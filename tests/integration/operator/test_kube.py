"""The operator's calls against a real API server."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import pytest
from support.clients.api_server import CORE, ApiServer
from support.fixtures.control_planes import ControlPlane

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
