"""A gateway for clients that send no key, and the end of the sessions that clients leave."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.clients.kubectl import InstallationKubectl
from support.data.names import SYSTEM
from support.fixtures.client.installation_gateway import own_gateway
from support.fixtures.operator.process import free_port

from cloche_cluster.install.installer import LOCAL_KEY

_KEYLESS = ("piston", "sandboxFusion", "judge0", "jobe")
"""The dialects that the chart can serve without a key."""
_SESSIONS = "/api/v1/sessions"


@pytest.fixture(autouse=True)
def sessions_that_end(http: httpx.Client) -> Iterator[None]:
    """End the sessions that a test began. A page that is closed leaves its session to the timeout.

    Each would keep a Pod for minutes, and the suites after this one expect full pools and no other
    Pods.
    """
    before = _sessions(http)
    yield
    for left in _sessions(http) - before:
        http.delete(f"{_SESSIONS}/{left}")


@pytest.fixture(scope="session")
def keyless_gateway(
    kubectl: InstallationKubectl, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Start a gateway with all dialects; its URL.

    A request of these dialects without a key has the rights of the key that `make up` creates. Its
    programs run in the Pods of the installation.
    """
    place = tmp_path_factory.mktemp("keyless")
    settings = {
        "DIALECTS": "mcp,dify," + ",".join(_KEYLESS),
        "KEYLESS": ",".join(f"{name}={LOCAL_KEY}" for name in _KEYLESS),
    }
    kubeconfig = str(_as_the_gateway(kubectl, place))
    with own_gateway(kubeconfig, place, free_port(), **settings) as url:
        yield url


def _sessions(http: httpx.Client) -> set[str]:
    listed = http.get(_SESSIONS)
    listed.raise_for_status()
    return {session["session_id"] for session in listed.json()["sessions"]}


def _as_the_gateway(kubectl: InstallationKubectl, place: Path) -> Path:
    """Write a kubeconfig with the gateway's rights. Only it may set the tenant of an execution."""
    token = kubectl("create", "token", "cloche-gateway", "-n", SYSTEM).strip()
    config = json.loads(kubectl("config", "view", "--raw", "--flatten", "-o", "json"))
    config["users"] = [{"name": "gateway", "user": {"token": token}}]
    for context in config["contexts"]:
        context["context"]["user"] = "gateway"
    written = place / "kubeconfig"
    written.write_text(json.dumps(config))
    return written
