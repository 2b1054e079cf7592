"""The source of an execution is deleted after the execution has ended, in any way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support.deadline import until
from support.fixtures.control_planes import ControlPlane
from support.fixtures.fake_cluster import BOUND_SECONDS, FakeCluster

from cloche_api.resources import source
from cloche_kube.client import Rest
from cloche_operator.kube.api import Kube


def sources(at: FakeCluster) -> str:
    return at.executions.replace("sandboxexecutions", "sandboxsources")


def submit(at: FakeCluster, name: str, **spec: Any) -> str:
    """Create a source and then its execution, like the gateway. Return the source's path."""
    given = {"execution": name, "code": "print(1)"}
    made = source.manifest(source.name_for(name), "acme", "r-1", given)
    of = made["metadata"]["name"]
    at.server.create(sources(at), made)
    at.submit(name, code=None, source={"name": of, "bytes": 100}, **spec)
    return f"{sources(at)}/{of}"


def until_gone(at: FakeCluster, path: str) -> None:
    until(lambda: at.server.find(path) is None, "the source to be deleted", BOUND_SECONDS)


def test_the_source_of_a_cancelled_execution_is_deleted(shared_cluster: FakeCluster) -> None:
    of = submit(shared_cluster, "cancelled")
    shared_cluster.claimed("cancelled")
    assert shared_cluster.server.find(of)
    shared_cluster.cancel("cancelled")
    assert shared_cluster.ended("cancelled")["reason"] == "Cancelled"
    until_gone(shared_cluster, of)


def test_the_source_of_a_rejected_execution_is_deleted(shared_cluster: FakeCluster) -> None:
    of = submit(shared_cluster, "cobol", language="cobol")
    assert shared_cluster.ended("cobol")["reason"] == "UnknownLanguage"
    until_gone(shared_cluster, of)


@pytest.mark.parametrize("moment", ["waiting", "claimed"])
def test_the_source_of_a_deleted_execution_is_deleted(cluster: FakeCluster, moment: str) -> None:
    if moment == "waiting":
        cluster.set_node("64Gi", ready=False)
    running = cluster.start()
    of = submit(cluster, "deleted")
    if moment == "claimed":
        cluster.claimed("deleted")
    else:
        until(
            lambda: running.metric("cloche_operator_queued_executions") == 1,
            "the execution to wait",
            BOUND_SECONDS,
        )
    cluster.server.delete(f"{cluster.executions}/deleted")
    until_gone(cluster, of)


def test_an_execution_taken_over_by_another_operator_keeps_its_source(cluster: FakeCluster) -> None:
    first = cluster.start()
    of = submit(cluster, "taken-up")
    before = cluster.claimed("taken-up")["podUID"]
    first.kill()
    cluster.start()
    until(
        lambda: cluster.status("taken-up").get("podUID") not in (None, before),
        "another Pod: nothing was sent to the first",
        2 * BOUND_SECONDS,
    )
    assert cluster.server.find(of)
    cluster.cancel("taken-up")
    cluster.ended("taken-up")
    until_gone(cluster, of)


def test_an_execution_cannot_cause_the_deletion_of_another_ones_source(
    cluster: FakeCluster,
) -> None:
    cluster.start()
    of = submit(cluster, "victim")
    cluster.claimed("victim")
    stolen = of.rpartition("/")[2]
    cluster.submit("thief", code=None, source={"name": stolen, "bytes": 100}, language="cobol")
    cluster.ended("thief")
    cluster.server.delete(f"{cluster.executions}/thief")
    # Its deletion would come before that of an execution that ends later, so wait for that one.
    later = submit(cluster, "later", language="cobol")
    cluster.ended("later")
    until_gone(cluster, later)
    assert cluster.server.find(of)


def test_listing_sources_returns_their_executions_and_creation_times(
    cluster: FakeCluster, control_plane: ControlPlane
) -> None:
    paths = [submit(cluster, name) for name in ("one", "two")]

    async def listed() -> list[tuple[str, str, str]]:
        rest = await Rest.connect(str(control_plane.kubeconfig))
        try:
            kube = Kube(rest, cluster.namespace)
            await kube.delete_source("none-01")
            return [found async for found in kube.sources()]
        finally:
            await rest.close()

    found = asyncio.run(listed())
    assert [(f"{sources(cluster)}/{name}", of) for name, of, _ in found] == [
        (paths[0], "one"),
        (paths[1], "two"),
    ]
    made = [cluster.server.get(path)["metadata"]["creationTimestamp"] for path in paths]
    assert [created for _, _, created in found] == made
