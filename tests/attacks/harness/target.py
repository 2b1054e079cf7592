"""The installation under attack: the addresses of its components, and executions in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from support.clients.api_server import CLOCHE, CORE, ApiServer
from support.clients.installation_api import InstallationApi
from support.data.names import SANDBOXES, SYSTEM
from support.deadline import until

from attacks.harness.program import LANGUAGES, Program
from cloche_api.meta import API_VERSION

_EXECUTIONS = f"{CLOCHE}/{SANDBOXES}/sandboxexecutions"
_CLASSES = "/apis/node.k8s.io/v1/runtimeclasses"
_GATEWAY = f"system:serviceaccount:{SYSTEM}:cloche-gateway"
_OPEN = "attacks-open"
_PATIENCE_SECONDS = 120.0
_UNFINISHED = ("", "Pending", "Running")


@dataclass(frozen=True)
class Target:
    """Runs programs through the API server, as `kubectl apply` would."""

    cluster: InstallationApi

    @property
    def api(self) -> ApiServer:
        """The API server."""
        return self.cluster.api

    @property
    def executions(self) -> str:
        """The path of all executions."""
        return _EXECUTIONS

    def addresses(self) -> dict[str, str]:
        """Return addresses that a program might connect to: the environment of every attack."""
        node = self.api.get("/api/v1/nodes")["items"][0]["status"]
        address = node["addresses"][0]["address"]
        kubelet = node["daemonEndpoints"]["kubeletEndpoint"]["Port"]
        pods = [
            pod["status"]["podIP"]
            for namespace in (SYSTEM, "kube-system")
            for pod in self.api.get(f"{CORE}/{namespace}/pods")["items"]
        ]
        return {
            "API_SERVER": self._service("default", "kubernetes"),
            "API_ENDPOINT": self.api.client.base_url.netloc.decode(),
            "CLUSTER_DNS": self._service("kube-system", "kube-dns"),
            "GATEWAY": self._service(SYSTEM, "cloche-gateway"),
            "KUBELET": f"{address}:{kubelet}",
            "PODS": ",".join(pods),
        }

    def _service(self, namespace: str, name: str) -> str:
        spec = self.api.get(f"{CORE}/{namespace}/services/{name}")["spec"]
        return f"{spec['clusterIP']}:{spec['ports'][0]['port']}"

    def start(self, language: str, spec: dict[str, Any]) -> str:
        """Create an execution and return its name; with a tenant, use the gateway's identity.

        Only the gateway may set a tenant.
        """
        body = {
            "apiVersion": API_VERSION,
            "kind": "SandboxExecution",
            "metadata": {"generateName": "attack-"},
            "spec": {"language": language, "ttlSecondsAfterFinished": 600, **spec},
        }
        headers = {"Impersonate-User": _GATEWAY} if "tenant" in spec else {}
        made = self.api.client.post(_EXECUTIONS, json=body, headers=headers)
        assert made.is_success, made.text[:2000]
        name: str = made.json()["metadata"]["name"]
        return name

    def phase(self, name: str) -> str:
        """Return an execution's phase; empty before the operator has seen it."""
        found = self.api.get(f"{_EXECUTIONS}/{name}")
        phase: str = found.get("status", {}).get("phase", "")
        return phase

    def ended(self, name: str) -> dict[str, Any]:
        """Wait until an execution has ended, and return its status."""

        def look() -> dict[str, Any] | None:
            status: dict[str, Any] = self.api.get(f"{_EXECUTIONS}/{name}").get("status", {})
            return None if status.get("phase", "") in _UNFINISHED else status

        return until(look, f"execution {name} to end", _PATIENCE_SECONDS)

    def cancel(self, name: str) -> None:
        """Request cancellation of an execution."""
        self.api.merge(f"{_EXECUTIONS}/{name}", {"spec": {"cancel": True}})

    def run(
        self, program: Program, environment: dict[str, str], runtime: str | None = None
    ) -> dict[str, Any]:
        """Run an attack, by default in its language's own runtime, and return its final status."""
        name = self.start(runtime or program.language, program.spec(environment))
        return self.ended(name)

    @contextmanager
    def reusing_runtimes(
        self, prefix: str, images: dict[str, str] | None = None, **changes: Any
    ) -> Iterator[dict[str, str]]:
        """Install each language again, with Pods that the attacks of one tenant share.

        `images` replace the languages' images; `changes` are changes to their specs. Yields the
        names of the runtimes by language.
        """
        names = {language: f"{prefix}-{language}" for language in LANGUAGES.values()}
        for language, name in names.items():
            pool = {"size": 2, "reuse": "SameTenant"}
            spec = self.cluster.runtime_like(language, pool=pool, **changes)
            image = (images or {}).get(language, spec["image"])
            self.cluster.make_runtime(name, spec | {"image": image})
        try:
            yield names
        finally:
            for name in names.values():
                self.cluster.remove_runtime(name)

    @contextmanager
    def open_runtimes(
        self, prefix: str = "open", images: dict[str, str] | None = None
    ) -> Iterator[dict[str, str]]:
        """Install each language again, with Pods in the cluster's ordinary network.

        Only the filter keeps attacks from the network. Otherwise like `reusing_runtimes`.
        """
        kind = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass"}
        self.api.ask("POST", _CLASSES, kind | {"metadata": {"name": _OPEN}, "handler": "runc"})
        with self.reusing_runtimes(prefix, images, runtimeClassName=_OPEN) as names:
            yield names
