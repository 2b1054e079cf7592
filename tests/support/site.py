"""The installation that something is done to: its API server, its processes, its own figures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import yaml
from support.api_server import CLOCHE, CORE, ApiServer, api_server
from support.deadline import until
from support.installation import SANDBOXES, SYSTEM, Installation

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
"""How a question ends that nobody answers."""


def answered(ask: Callable[[], T]) -> T | None:
    """What was asked for; None while there is nobody to answer."""
    try:
        return ask()
    except NOT_THERE:
        return None


@dataclass(frozen=True)
class Site:
    """Reads that assert an answer. `answered` is for when there may be none."""

    installation: Installation
    api: ApiServer

    def unfinished(self, session: str) -> int:
        """Executions of a session that have not ended, by the API server's own table."""
        params = {"labelSelector": f"{SESSION}={session}"}
        answer = self.api.client.get(_EXECUTIONS, params=params, headers={"Accept": _TABLE})
        assert answer.is_success, answer.text[:500]
        table = answer.json()
        phase = [column["name"] for column in table["columnDefinitions"]].index("Phase")
        rows = table["rows"] or []
        return sum(row["cells"][phase] in ("Pending", "Running") for row in rows)

    def executions(self, session: str) -> dict[str, dict[str, Any]]:
        """All executions of a session, by name, with their outputs."""
        found = self.api.get(f"{_EXECUTIONS}?labelSelector={SESSION}={session}")
        return {item["metadata"]["name"]: item for item in found["items"]}

    def remove_executions(self, session: str) -> None:
        """Delete the records of a session."""
        self.api.delete(f"{_EXECUTIONS}?labelSelector={SESSION}={session}")

    def sandboxes(self) -> list[dict[str, Any]]:
        """Every Pod of the sandboxes' namespace."""
        found: list[dict[str, Any]] = self.api.get(f"{CORE}/{SANDBOXES}/pods")["items"]
        return found

    def delete_sandbox(self, name: str) -> None:
        """As `kubectl delete pod` does."""
        self.api.delete(f"{CORE}/{SANDBOXES}/pods/{name}")

    def parts(self, component: str) -> list[dict[str, Any]]:
        """The Pods of the gateway or of the operator that are not on their way out."""
        path = f"{CORE}/{SYSTEM}/pods?labelSelector={COMPONENT}={component}"
        return [pod for pod in self.api.get(path)["items"] if not is_leaving(pod)]

    def stand(self, component: str) -> bool:
        """Whether the Deployment has as many ready Pods as it wants."""
        deployment = self.api.get(
            f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/cloche-{component}"
        )
        wanted: int = deployment["spec"]["replicas"]
        ready = sum(is_ready(pod) for pod in self.parts(component))
        return ready == wanted

    def remove_part(self, pod: dict[str, Any]) -> None:
        """Delete a Pod of the gateway or of the operator: another comes."""
        self.api.delete(f"{CORE}/{SYSTEM}/pods/{pod['metadata']['name']}")

    def lease(self) -> dict[str, Any]:
        """The spec of the operators' Lease."""
        spec: dict[str, Any] = self.api.get(_LEASE)["spec"]
        return spec

    def leader(self) -> dict[str, Any]:
        """The Pod of the operator that leads."""
        holder = str(self.lease().get("holderIdentity", ""))
        found = [
            pod for pod in self.parts("operator") if holder.startswith(pod["metadata"]["name"])
        ]
        assert len(found) == 1, f"{holder!r} is not one of the operators' Pods"
        return found[0]

    def runtime(self, name: str) -> dict[str, Any]:
        """A SandboxRuntime."""
        found: dict[str, Any] = self.api.get(f"{_RUNTIMES}/{name}")
        return found

    def runtime_like(self, name: str, **changes: Any) -> dict[str, Any]:
        """The spec of an installed runtime with changes, for another name."""
        spec = dict(self.runtime(name)["spec"])
        spec.pop("aliases", None)
        return spec | changes

    def make_runtime(self, name: str, spec: dict[str, Any]) -> None:
        """Create a SandboxRuntime, in the place of one that a killed run has left.

        The gateway learns of it by its watch, so what is asked of it before that is refused.
        """
        self.api.ask("DELETE", f"{_RUNTIMES}/{name}")
        until(lambda: not self.offers(name), _LISTED_SECONDS, f"an older {name} to be forgotten")
        kind = {"apiVersion": "cloche.dev/v1alpha1", "kind": "SandboxRuntime"}
        self.api.create(_RUNTIMES, kind | {"metadata": {"name": name}, "spec": spec})
        until(lambda: self.offers(name), _LISTED_SECONDS, f"{name} to be listed")

    def offers(self, language: str) -> bool:
        """Whether the gateway lists a language to its clients."""
        url = f"{self.installation.url}/api/v1/execute/languages"
        return language in httpx.get(url, timeout=_QUICK_SECONDS).json()

    def remove_runtime(self, name: str) -> dict[str, Any]:
        """Delete a SandboxRuntime; its waiting Pods go with it."""
        gone: dict[str, Any] = self.api.delete(f"{_RUNTIMES}/{name}")
        return gone

    def operator_figure(self, name: str) -> float:
        """A gauge, summed over all operators, as each tells at its own address."""
        total = 0.0
        for pod in self.parts("operator"):
            url = f"http://{pod['status']['podIP']}:{_METRICS_PORT}/metrics"
            text = httpx.get(url, timeout=_QUICK_SECONDS).text
            values = [line.split()[1] for line in text.splitlines() if line.startswith(f"{name} ")]
            assert values, f"{url} does not tell {name}"
            total += float(values[0])
        return total

    def open_attaches(self) -> int:
        """Attach websockets that are open at the API server, as it counts them itself."""
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
            60,
            f"the pool of {runtime} to be set",
        )

    @contextmanager
    def own_runtime(self, name: str, pool: int) -> Iterator[None]:
        """The installed Python runtime under another name and with a pool of its own.

        The other pools are empty meanwhile: their Pods' starts would take processor time.
        """
        spec = self.runtime_like("python", pool={"size": pool, "reuse": "Never"})
        others = {
            item["metadata"]["name"]: item["spec"]["pool"]["size"]
            for item in self.api.get(_RUNTIMES)["items"]
        }
        others.pop(name, None)  # what a killed run has left
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
                60,
                f"the runtime {name} to be removed",
            )


def is_leaving(pod: dict[str, Any]) -> bool:
    """Whether its deletion is under way."""
    return "deletionTimestamp" in pod["metadata"]


def is_ready(pod: dict[str, Any]) -> bool:
    """Whether its condition Ready is true."""
    conditions = pod.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def restarts(pod: dict[str, Any]) -> int:
    """How often its containers were started again."""
    return sum(c["restartCount"] for c in pod["status"].get("containerStatuses", []))


@contextmanager
def site(installation: Installation) -> Iterator[Site]:
    """Talk to it within the block."""
    kubeconfig = Path(installation.kubeconfig)
    config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    with api_server(kubeconfig, config["clusters"][0]["cluster"]["server"]) as api:
        yield Site(installation, api)
