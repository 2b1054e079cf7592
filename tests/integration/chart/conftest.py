"""One API server for the tests of the chart."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.chart_cluster import ChartCluster
from support.deadline import until
from support.helm import SANDBOXES, SYSTEM

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
