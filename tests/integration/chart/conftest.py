"""One API server for the tests of the chart."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from support.api_server import CORE, ApiServer, api_server
from support.chart_cluster import UNGUARDED, ChartCluster
from support.deadline import until
from support.helm import SANDBOXES, SYSTEM
from support.sandbox_pods import changed, cold, spec

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
    for policy in ("cloche-pods", "cloche-pod-changes"):
        binding = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": f"{policy}.unguarded"},
            "spec": {
                "policyName": f"{policy}.{SYSTEM}",
                "validationActions": ["Deny"],
                "matchResources": {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": UNGUARDED}}
                },
            },
        }
        installed("create", "-f", "-", stdin=json.dumps(binding))
    with api_server(installed.kubeconfig) as server:
        for namespace in (SANDBOXES, UNGUARDED):
            account = f"{CORE}/{namespace}/serviceaccounts/default"
            until(lambda path=account: server.find(path), 30, f"{namespace}'s service account")
            pods = f"{CORE}/{namespace}/pods?dryRun=All"
            mistaken = changed(cold(), spec(shareProcessNamespace=True))

            def denied(pods: str = pods, pod: object = mistaken) -> bool:
                return "denied request" in server.ask("POST", pods, pod).text

            until(denied, 30, f"the policy on {namespace}'s Pods")
        yield server
