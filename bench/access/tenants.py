"""Create executions of tenants, which requires the gateway's identity."""

from __future__ import annotations

import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from access.server import SYSTEM

from cloche_kube.client import Rest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from access.server import Cluster

_TOKEN = f"/api/v1/namespaces/{SYSTEM}/serviceaccounts/cloche-gateway/token"


@asynccontextmanager
async def as_gateway(cluster: Cluster) -> AsyncIterator[Rest]:
    """Connect to the API server with a token of the gateway's service account."""
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": 3600},
    }
    answer = await cluster.rest.call("POST", _TOKEN, body=request)
    config = _kubeconfig(cluster.kubeconfig, answer["status"]["token"])
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:  # created with mode 0600
        yaml.safe_dump(config, file)
        file.flush()
        rest = await Rest.connect(file.name)
    try:
        yield rest
    finally:
        await rest.close()


def _kubeconfig(path: str, token: str) -> dict[str, Any]:
    """Return a kubeconfig for the same cluster with this token."""
    config: dict[str, Any] = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    for user in config["users"]:
        user["user"] = {"token": token}
    return config
