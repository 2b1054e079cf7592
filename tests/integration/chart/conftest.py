"""One API server for the tests of the chart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.api_server import CLOCHE, CORE, MERGE, ApiServer, api_server
from support.chart_cluster import UNGUARDED, ChartCluster
from support.deadline import until
from support.helm import SANDBOXES, SYSTEM
from support.sandbox_pods import PYTHON, changed, cold, spec, waiting

from cloche_cluster.embedded.control_plane import control_plane


@pytest.fixture(scope="module")
def cluster() -> Iterator[ChartCluster]:
    """An empty cluster with Cloche's CRDs and a release namespace that enforces `restricted`."""
    with control_plane(controllers=True) as plane:
        cluster = ChartCluster(plane.kubeconfig, plane.kubectl)
        cluster.apply_crds()
        cluster("create", "namespace", SYSTEM)
        cluster("label", "namespace", SYSTEM, "pod-security.kubernetes.io/enforce=restricted")
        yield cluster


@pytest.fixture(scope="module")
def installed(cluster: ChartCluster) -> ChartCluster:
    """The same with the chart installed, its quota counted."""
    cluster.upgrade()

    def counted() -> bool:
        quota = cluster.json("get", "resourcequota", "cloche", "-n", SANDBOXES)
        return bool(quota.get("status", {}).get("hard"))

    until(counted, 60, "the quota's status")
    return cluster


@pytest.fixture(scope="module")
def server(installed: ChartCluster) -> Iterator[ApiServer]:
    """The API server with the chart's policies on Pods at work, in UNGUARDED too."""
    installed("create", "namespace", UNGUARDED)
    with api_server(installed.kubeconfig) as server:
        for policy in ("cloche-pods", "cloche-pod-changes"):
            server.create(_BINDINGS, _unguarded(policy))
        runtime = {
            "apiVersion": "cloche.dev/v1alpha1",
            "kind": "SandboxRuntime",
            "metadata": {"name": "python"},
            "spec": PYTHON,
        }
        server.create(f"{CLOCHE}/{UNGUARDED}/sandboxruntimes", runtime)
        for namespace in (SANDBOXES, UNGUARDED):
            _wait_for_the_policies(server, namespace)
        yield server


_BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"


def _unguarded(policy: str) -> dict[str, Any]:
    """The binding that has a policy of the chart's rule UNGUARDED too."""
    selector = {"matchLabels": {"kubernetes.io/metadata.name": UNGUARDED}}
    return {
        "metadata": {"name": f"{policy}.unguarded"},
        "spec": {
            "policyName": f"{policy}.{SYSTEM}",
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": selector},
        },
    }


def _wait_for_the_policies(server: ApiServer, namespace: str) -> None:
    """Try what each of them refuses until it does: the API server takes a moment to know them."""
    account = f"{CORE}/{namespace}/serviceaccounts/default"
    until(lambda: server.find(account), 30, f"{namespace}'s service account")
    pods = f"{CORE}/{namespace}/pods"
    runtime = server.get(f"{CLOCHE}/{namespace}/sandboxruntimes/python")["metadata"]["uid"]
    probe = f"{pods}/{server.create(pods, waiting(runtime, 'probe'))['metadata']['name']}"
    mistaken = changed(cold(), spec(shareProcessNamespace=True))
    patch = {"metadata": {"annotations": {"dev.gvisor.flag.debug": "true"}}}

    def refused(method: str, path: str, body: Any, kind: str) -> bool:
        answer = server.ask(method, f"{path}?dryRun=All", body, kind)
        return answer.status_code == 403 and "denied request" in answer.text

    until(lambda: refused("POST", pods, mistaken, "application/json"), 30, "the policy on Pods")
    until(lambda: refused("PATCH", probe, patch, MERGE), 30, "the policy on changes")
    server.delete(probe)
