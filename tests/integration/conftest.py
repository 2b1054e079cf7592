"""A real kube-apiserver and etcd with our resources installed: one for all integration tests."""

from __future__ import annotations

import json
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cloche_cluster.embedded import control_plane as embedded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CRDS = Path(__file__).parents[2] / "crds"


@dataclass(frozen=True)
class ControlPlane:
    """An API server without nodes, its administrator's kubeconfig, and the matching kubectl."""

    kubeconfig: Path
    kubectl_path: Path
    url: str

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """What kubectl prints; both its outputs when `check` is off."""
        done = subprocess.run(
            [str(self.kubectl_path), f"--kubeconfig={self.kubeconfig}", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr}")
        return done.stdout if check else done.stdout + done.stderr

    def apply(self, *objects: dict[str, object]) -> None:
        """Apply objects as manifests."""
        document = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        self.kubectl("apply", "--server-side", "-f", "-", stdin=document)


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """The API server, with the CustomResourceDefinitions established."""
    with embedded.control_plane() as running:
        plane = ControlPlane(running.kubeconfig, running.kubectl, running.url)
        for crd in sorted(_CRDS.glob("*.yaml")):
            plane.kubectl("apply", "--server-side", "-f", str(crd))
        plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
        yield plane


@pytest.fixture
def new_namespace(control_plane: ControlPlane) -> Callable[[], str]:
    """Makes a namespace of the test's own, by a name that no other test has."""

    def make() -> str:
        name = f"test-{uuid.uuid4().hex[:10]}"
        control_plane.kubectl("create", "namespace", name)
        return name

    return make


@pytest.fixture
def namespace(new_namespace: Callable[[], str]) -> str:
    """A namespace of the test's own."""
    return new_namespace()
