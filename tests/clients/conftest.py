"""A gateway for clients that send no key: the installation serves no request without one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.clients.kubectl import InstallationKubectl
from support.data.names import SYSTEM
from support.deadline import until
from support.fixtures.operator_process import free_port

from cloche_cluster.install.installer import LOCAL_KEY

_START_SECONDS = 120.0
"""A busy machine takes half a minute to import the gateway."""
_STOP_SECONDS = 10.0
_KEYLESS = ("piston", "sandboxFusion", "judge0", "jobe")
"""The dialects that the chart can serve without a key."""


@pytest.fixture(scope="session")
def keyless_gateway(
    kubectl: InstallationKubectl, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Start a gateway with all dialects; its URL.

    A request of these dialects without a key has the rights of the key that `make up` creates. Its
    programs run in the Pods of the installation.
    """
    place = tmp_path_factory.mktemp("keyless")
    log = place / "log"
    port = free_port()
    settings = {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "DIALECTS": "mcp,dify," + ",".join(_KEYLESS),
        "KEYLESS": ",".join(f"{name}={LOCAL_KEY}" for name in _KEYLESS),
        "DRAIN_SECONDS": "1",
    }
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "KUBECONFIG": str(_as_the_gateway(kubectl, place)),
        **{f"CLOCHE_GATEWAY_{name}": value for name, value in settings.items()},
    }
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "cloche_gateway"], env=env, stdout=out, stderr=out
        )
    url = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            return httpx.get(f"{url}/health/ready").status_code == httpx.codes.OK
        except httpx.ConnectError:
            return False

    try:
        until(ready, "the gateway", _START_SECONDS)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


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
