"""The installation under test: its API server, its processes and its metrics."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import yaml
from support.clients.api_server import CLOCHE, CORE, ApiServer, api_server
from support.data.names import SANDBOXES, SYSTEM
from support.deadline import until
from support.fixtures.installation import Installation

from cloche_api.meta import API_VERSION

T = TypeVar("T")
COMPONENT = "app.kubernetes.io/component"
STATE = "cloche.dev/state"
SESSION = "cloche.dev/session"
TENANT = "cloche.dev/tenant"
_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
_LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/cloche-operator"
_EXECUTIONS = f"{CLOCHE}/{SANDBOXES}/sandboxexecutions"
_RUNTIMES = f"{CLOCHE}/{SANDBOXES}/sandboxruntimes"
_METRICS_PORT = 8080
_QUICK_SECONDS = 3.0
_LISTED_SECONDS = 30.0
_ATTACHES = "apiserver_longrunning_requests"
NOT_THERE = (httpx.TransportError, AssertionError, json.JSONDecodeError)
"""Errors of a query to a component that is down."""


def answered(ask: Callable[[], T]) -> T | None:
    """Return the result; None while the component does not answer."""
    try:
        return ask()
    except NOT_THERE:
        return None


@dataclass(frozen=True)
class InstallationApi:
    """Reads that assert a response. Use `answered` if there may be none."""

    installation: Installation
    api: ApiServer

    def unfinished(self, session: str) -> int:
        """Return the number of unfinished executions of a session, from the API server's table."""
        params = {"labelSelector": f"{SESSION}={session}"}
        answer = self.api.client.get(_EXECUTIONS, params=params, headers={"Accept": _TABLE})
        assert answer.is_success, answer.text[:500]
        table = answer.json()
        phase = [column["name"] for column in table["columnDefinitions"]].index("Phase")
        rows = table["rows"] or []
        return sum(row["cells"][phase] in ("Pending", "Running") for row in rows)

    def executions(self, session: str) -> dict[str, dict[str, Any]]:
        """Return all executions of a session, by name, with their outputs."""
        found = self.api.get(f"{_EXECUTIONS}?labelSelector={SESSION}={session}")
        return {item["metadata"]["name"]: item for item in found["items"]}

    def remove_executions(self, session: str) -> None:
        """Delete the executions of a session."""
        self.api.delete(f"{_EXECUTIONS}?labelSelector={SESSION}={session}")

    def sandboxes(self) -> list[dict[str, Any]]:
        """Return every Pod of the sandboxes' namespace."""
        found: list[dict[str, Any]] = self.api.get(f"{CORE}/{SANDBOXES}/pods")["items"]
        return found

    def delete_sandbox(self, name: str) -> None:
        """Delete a Pod like `kubectl delete pod`."""
        self.api.delete(f"{CORE}/{SANDBOXES}/pods/{name}")

    def parts(self, component: str) -> list[dict[str, Any]]:
        """Return the Pods of the gateway or the operator that are not terminating."""
        path = f"{CORE}/{SYSTEM}/pods?labelSelector={COMPONENT}={component}"
        return [pod for pod in self.api.get(path)["items"] if not is_leaving(pod)]

    def is_complete(self, component: str) -> bool:
        """Return whether the Deployment has as many ready Pods as it should."""
        deployment = self.api.get(
            f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/cloche-{component}"
        )
        wanted: int = deployment["spec"]["replicas"]
        ready = sum(is_ready(pod) for pod in self.parts(component))
        return ready == wanted

    def remove_part(self, pod: dict[str, Any]) -> None:
        """Delete a Pod of the gateway or the operator, which is replaced."""
        self.api.delete(f"{CORE}/{SYSTEM}/pods/{pod['metadata']['name']}")

    def lease(self) -> dict[str, Any]:
        """Return the spec of the operators' Lease."""
        spec: dict[str, Any] = self.api.get(_LEASE)["spec"]
        return spec

    def leader(self) -> dict[str, Any]:
        """Return the Pod of the leading operator."""
        holder = str(self.lease().get("holderIdentity", ""))
        found = [
            pod for pod in self.parts("operator") if holder.startswith(pod["metadata"]["name"])
        ]
        assert len(found) == 1, f"{holder!r} is not one of the operators' Pods"
        return found[0]

    def runtime(self, name: str) -> dict[str, Any]:
        """Return a SandboxRuntime."""
        found: dict[str, Any] = self.api.get(f"{_RUNTIMES}/{name}")
        return found

    def runtime_like(self, name: str, **changes: Any) -> dict[str, Any]:
        """Return the spec of an installed runtime with changes, for use under another name."""
        spec = dict(self.runtime(name)["spec"])
        spec.pop("aliases", None)
        return spec | changes

    def make_runtime(self, name: str, spec: dict[str, Any]) -> None:
        """Create a SandboxRuntime, replacing the leftover of a killed run.

        The gateway learns of it through its watch and rejects requests before that.
        """
        self.api.ask("DELETE", f"{_RUNTIMES}/{name}")
        until(lambda: not self.offers(name), f"an older {name} to be forgotten", _LISTED_SECONDS)
        kind = {"apiVersion": API_VERSION, "kind": "SandboxRuntime"}
        self.api.create(_RUNTIMES, kind | {"metadata": {"name": name}, "spec": spec})
        until(lambda: self.offers(name), f"{name} to be listed", _LISTED_SECONDS)

    def offers(self, language: str) -> bool:
        """Return whether the gateway lists a language."""
        url = f"{self.installation.url}/api/v1/execute/languages"
        return language in httpx.get(url, timeout=_QUICK_SECONDS).json()

    def remove_runtime(self, name: str) -> dict[str, Any]:
        """Delete a SandboxRuntime, and with it its waiting Pods."""
        gone: dict[str, Any] = self.api.delete(f"{_RUNTIMES}/{name}")
        return gone

    def operator_figure(self, name: str) -> float:
        """Return the sum of a gauge over all operators, each queried at its own address."""
        total = 0.0
        for pod in self.parts("operator"):
            url = f"http://{pod['status']['podIP']}:{_METRICS_PORT}/metrics"
            text = httpx.get(url, timeout=_QUICK_SECONDS).text
            values = [line.split()[1] for line in text.splitlines() if line.startswith(f"{name} ")]
            assert values, f"{url} does not report {name}"
            total += float(values[0])
        return total

    def open_attaches(self) -> int:
        """Return the number of open attach websockets, from the API server's metrics."""
        lines = self.api.client.get("/metrics").text.splitlines()
        return sum(
            int(float(line.rsplit(" ", 1)[1]))
            for line in lines
            if line.startswith(_ATTACHES) and 'subresource="attach"' in line
        )

    def _set_pool(self, runtime: str, size: int) -> None:
        until(
            lambda: answered(
                lambda: self.api.merge(f"{_RUNTIMES}/{runtime}", {"spec": {"pool": {"size": size}}})
            ),
            f"the pool of {runtime} to be set",
            60,
        )

    @contextmanager
    def own_runtime(self, name: str, pool: int, reuse: str = "Never") -> Iterator[None]:
        """Install the Python runtime under another name and with a separate pool, for the block.

        The other pools are emptied, because starting their Pods would take CPU time.

        Args:
            name: of the runtime.
            pool: number of Pods that wait.
            reuse: `Never`, or `SameTenant` for Pods that take one program after the other.
        """
        spec = self.runtime_like("python", pool={"size": pool, "reuse": reuse})
        others = {
            item["metadata"]["name"]: item["spec"]["pool"]["size"]
            for item in self.api.get(_RUNTIMES)["items"]
        }
        others.pop(name, None)  # the leftover of a killed run
        for other in others:
            self._set_pool(other, 0)
        self.make_runtime(name, spec)
        try:
            yield
        finally:
            for other, size in others.items():
                self._set_pool(other, size)
            until(
                lambda: answered(lambda: self.remove_runtime(name)),
                f"the runtime {name} to be removed",
                60,
            )


def is_leaving(pod: dict[str, Any]) -> bool:
    """Return whether a Pod is terminating."""
    return "deletionTimestamp" in pod["metadata"]


def is_ready(pod: dict[str, Any]) -> bool:
    """Return whether its Ready condition is true."""
    conditions = pod.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def restarts(pod: dict[str, Any]) -> int:
    """Return the number of restarts of its containers."""
    return sum(c["restartCount"] for c in pod["status"].get("containerStatuses", []))


@contextmanager
def installation_api(installation: Installation) -> Iterator[InstallationApi]:
    """Connect to the installation for the block."""
    kubeconfig = Path(installation.kubeconfig)
    config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    with api_server(kubeconfig, config["clusters"][0]["cluster"]["server"]) as api:
        yield InstallationApi(installation, api)
