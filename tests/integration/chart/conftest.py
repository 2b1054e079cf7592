"""A release of the chart for each module, on one API server."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.clients.api_server import CLOCHE, CORE, MERGE, ApiServer, api_server
from support.data.manifests import PYTHON
from support.data.sandbox_pods import changed, cold, spec, waiting
from support.deadline import until
from support.fixtures.chart.release import ChartRelease
from support.fixtures.control_planes import CONTROLLED, ControlPlane

from cloche_api.meta import API_VERSION


@pytest.fixture(scope="module")
def cluster(
    plane_named: Callable[[str], ControlPlane], request: pytest.FixtureRequest
) -> ChartRelease:
    """A cluster with Cloche's CRDs and the module's release namespace, which is `restricted`."""
    plane = plane_named(CONTROLLED)
    name = request.path.stem.removeprefix("test_").replace("_", "-")
    names = [f"{name}-{uuid.uuid4().hex[:6]}-{of}" for of in ("system", "sandboxes", "unguarded")]
    cluster = ChartRelease(plane.kubeconfig, plane.kubectl_path, *names)
    cluster("create", "namespace", cluster.system)
    cluster("label", "namespace", cluster.system, "pod-security.kubernetes.io/enforce=restricted")
    return cluster


@pytest.fixture(scope="module")
def installed(cluster: ChartRelease) -> ChartRelease:
    """The same with the chart installed, its quota counted."""
    cluster.upgrade()

    def counted() -> bool:
        quota = cluster.json("get", "resourcequota", "cloche", "-n", cluster.sandboxes)
        return bool(quota.get("status", {}).get("hard"))

    until(counted, "the quota's status", 60)
    return cluster


@pytest.fixture
def namespace(request: pytest.FixtureRequest, installed: ChartRelease) -> str:
    """One of the release's namespaces, by the word that a test is parametrized with."""
    names = {"sandboxes": installed.sandboxes, "unguarded": installed.unguarded}
    return names[request.param]


@pytest.fixture(scope="module")
def server(installed: ChartRelease) -> Iterator[ApiServer]:
    """The API server with the chart's policies on Pods at work, in `unguarded` too."""
    unguarded = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": installed.unguarded,
            "labels": {"cloche.dev/installation": installed.system},
        },
    }
    installed("create", "-f", "-", stdin=json.dumps(unguarded))
    with api_server(installed.kubeconfig) as server:
        for policy in ("cloche-pods", "cloche-pod-changes"):
            server.create(_BINDINGS, _unguarded(installed, policy))
        runtime = {
            "apiVersion": API_VERSION,
            "kind": "SandboxRuntime",
            "metadata": {"name": "python"},
            "spec": PYTHON,
        }
        server.create(f"{CLOCHE}/{installed.unguarded}/sandboxruntimes", runtime)
        for namespace in (installed.sandboxes, installed.unguarded):
            _wait_for_the_policies(server, namespace)
        yield server


_BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"


def _unguarded(cluster: ChartRelease, policy: str) -> dict[str, Any]:
    """The binding that has a policy of the chart's rule `unguarded` too."""
    selector = {"matchLabels": {"kubernetes.io/metadata.name": cluster.unguarded}}
    return {
        "metadata": {"name": f"{policy}.{cluster.unguarded}"},
        "spec": {
            "policyName": f"{policy}.{cluster.system}",
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": selector},
        },
    }


def _wait_for_the_policies(server: ApiServer, namespace: str) -> None:
    """Try what each of them refuses until it does: the API server takes a moment to know them."""
    account = f"{CORE}/{namespace}/serviceaccounts/default"
    until(lambda: server.find(account), f"{namespace}'s service account", 30)
    pods = f"{CORE}/{namespace}/pods"
    runtime = server.get(f"{CLOCHE}/{namespace}/sandboxruntimes/python")["metadata"]["uid"]
    probe = f"{pods}/{server.create(pods, waiting(runtime, 'probe'))['metadata']['name']}"
    mistaken = changed(cold(), spec(shareProcessNamespace=True))
    patch = {"metadata": {"annotations": {"dev.gvisor.flag.debug": "true"}}}

    def refused(method: str, path: str, body: Any, kind: str) -> bool:
        answer = server.ask(method, f"{path}?dryRun=All", body, kind)
        return answer.status_code == 403 and "denied request" in answer.text

    until(lambda: refused("POST", pods, mistaken, "application/json"), "the policy on Pods", 30)
    until(lambda: refused("PATCH", probe, patch, MERGE), "the policy on changes", 30)
    server.delete(probe)
