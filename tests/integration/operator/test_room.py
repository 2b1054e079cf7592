"""Capacity: nodes, the queue, quotas, and Pods that no node accepts."""

from __future__ import annotations

from support.deadline import until
from support.fixtures.fake_cluster import BOUND_SECONDS, FakeCluster

NO_NODE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/1 nodes are available: 1 Insufficient cpu.",
}


def test_executions_wait_for_memory_in_a_queue_limited_in_length_and_time(
    cluster: FakeCluster,
) -> None:
    cluster.set_node("1Gi")  # of which 614 MiB are for executions: one at a time
    running = cluster.start(queue_length=2, queue_timeout_seconds=3)
    first = cluster.submit("first")
    cluster.pod(first)
    second = cluster.submit("second")
    until(
        lambda: running.metric("cloche_operator_queued_executions") == 1,
        "second to wait",
        BOUND_SECONDS,
    )
    cluster.submit("third")
    until(
        lambda: running.metric("cloche_operator_queued_executions") == 2,
        "third to wait",
        BOUND_SECONDS,
    )
    cluster.submit("fourth")
    full = cluster.ended("fourth")
    assert (full["phase"], full["reason"]) == ("Error", "QueueFull")
    assert full["message"] == "2 executions wait already."

    cluster.cancel("first")
    cluster.pod(second)
    assert cluster.ended("first")["reason"] == "Cancelled"
    late = cluster.ended("third")
    assert (late["phase"], late["reason"]) == ("Error", "QueueTimeout")
    assert late["message"] == "No capacity came free within 3 s."
    assert late["queuedTime"]
    assert "podName" not in late
    cluster.cancel("second")
    cluster.ended("second")


def test_an_execution_cancelled_in_the_queue_gets_no_pod(cluster: FakeCluster) -> None:
    cluster.set_node("1Gi")
    cluster.start()
    cluster.pod(cluster.submit("first"))
    waiting, behind = cluster.submit("waiting"), cluster.submit("behind")
    cluster.cancel("waiting")
    assert cluster.ended("waiting")["reason"] == "Cancelled"
    cluster.server.delete(f"{cluster.executions}/first")
    cluster.pod(behind)
    assert cluster.server.find(f"{cluster.pods}/sbx-{waiting}") is None
    cluster.cancel("behind")
    cluster.ended("behind")


def test_an_execution_larger_than_all_nodes_ends_as_unschedulable(cluster: FakeCluster) -> None:
    cluster.set_node("1Gi")
    cluster.start(sweep_seconds=0.2)
    cluster.submit("large", resources={"memory": "1Gi"})
    status = cluster.ended("large")
    assert (status["phase"], status["reason"]) == ("Error", "Unschedulable")
    assert status["message"] == (
        "The execution's memory limit of 1024 MiB is more than the 614 MiB that executions may "
        "use on the sandbox nodes."
    )


def test_executions_wait_while_no_node_is_ready(cluster: FakeCluster) -> None:
    cluster.set_node("1Gi", ready=False)
    running = cluster.start(sweep_seconds=60, queue_timeout_seconds=3)
    waits = cluster.submit("waits", resources={"memory": "64Mi"})
    late = cluster.ended("waits")
    assert (late["phase"], late["reason"]) == ("Error", "QueueTimeout")
    assert late["message"] == "No sandbox node was ready within 3 s."
    cluster.no_pod(waits)
    large = cluster.submit("large", resources={"memory": "2Gi"})
    until(
        lambda: running.metric("cloche_operator_queued_executions") == 1,
        "large to wait",
        BOUND_SECONDS,
    )
    cluster.set_node("1081101176832")  # a terabyte, as a kubelet may write it
    cluster.pod(large)
    cluster.cancel("large")
    cluster.ended("large")


def test_an_unscheduled_pod_blocks_new_pods_for_the_same_nodes(cluster: FakeCluster) -> None:
    cluster.apply_runtime("elsewhere", nodeSelector={"kind": "other"})
    running = cluster.start()
    first = cluster.submit("first")
    cluster.write_pod_status(first, {"conditions": [NO_NODE]})
    until(
        lambda: running.metric("cloche_operator_pods_without_node") == 1,
        "the operator to have seen it",
        BOUND_SECONDS,
    )
    second = cluster.submit("second")
    elsewhere = cluster.submit("elsewhere", language="elsewhere")
    cluster.pod(elsewhere)  # although it was submitted after the second
    assert cluster.server.find(f"{cluster.pods}/sbx-{second}") is None
    cluster.write_pod_status(first, {"conditions": [NO_NODE | {"status": "True"}]})
    cluster.pod(second)
    for name in ("first", "second", "elsewhere"):
        cluster.cancel(name)
        cluster.ended(name)


def test_a_pod_that_does_not_start_ends_the_execution_with_the_reason(cluster: FakeCluster) -> None:
    cluster.start(start_timeout_seconds=1)
    unscheduled, silent = cluster.submit("unscheduled"), cluster.submit("silent")
    cluster.pod(silent)
    cluster.write_pod_status(unscheduled, {"conditions": [NO_NODE]})
    status = cluster.ended("unscheduled")
    assert (status["phase"], status["reason"]) == ("Error", "Unschedulable")
    assert "1 Insufficient cpu." in status["message"]
    status = cluster.ended("silent")
    assert (status["phase"], status["reason"]) == ("Error", "StartTimeout")
    assert status["message"] == "The Pod did not start within 1 s: no word from the node"
    for uid in (unscheduled, silent):
        cluster.no_pod(uid)


def test_an_exhausted_quota_ends_the_execution_as_pod_refused(cluster: FakeCluster) -> None:
    quotas = f"/api/v1/namespaces/{cluster.namespace}/resourcequotas"
    hard = {"pods": "0"}
    cluster.server.create(quotas, {"metadata": {"name": "none"}, "spec": {"hard": hard}})
    # The status that the quota controller would write.
    cluster.server.merge(f"{quotas}/none/status", {"status": {"hard": hard, "used": hard}})
    cluster.start()
    cluster.submit("refused")
    status = cluster.ended("refused")
    assert (status["phase"], status["reason"]) == ("Error", "PodRefused")
    assert "exceeded quota: none" in status["message"]


def test_30_concurrent_executions_all_get_a_pod_under_a_quota(cluster: FakeCluster) -> None:
    quotas = f"/api/v1/namespaces/{cluster.namespace}/resourcequotas"
    hard = {"pods": "1000", "limits.memory": "1000Gi"}
    used = {"pods": "0", "limits.memory": "0"}
    cluster.server.create(quotas, {"metadata": {"name": "ample"}, "spec": {"hard": hard}})
    cluster.server.merge(f"{quotas}/ample/status", {"status": {"hard": hard, "used": used}})
    cluster.start()
    names = [f"burst-{n}" for n in range(30)]
    uids = [cluster.submit(name) for name in names]
    for name in names:
        assert cluster.claimed(name)["phase"] == "Running"
    users = {pod["spec"]["securityContext"]["runAsUser"] for pod in cluster.list_pods()}
    assert len(users) == len(uids)
    for name in names:
        cluster.cancel(name)
    for name in names:
        assert cluster.ended(name)["reason"] == "Cancelled"
    until(lambda: not cluster.list_pods(), "the Pods to go", BOUND_SECONDS)


def test_a_tainted_node_does_not_count_as_capacity(cluster: FakeCluster) -> None:
    node = f"/api/v1/nodes/{cluster.namespace}"
    taint = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
    cluster.server.merge(node, {"spec": {"taints": [taint]}})
    running = cluster.start(queue_timeout_seconds=600)
    waits = cluster.submit("waits")
    until(
        lambda: running.metric("cloche_operator_queued_executions") == 1,
        "the execution to wait",
        BOUND_SECONDS,
    )
    cluster.server.merge(node, {"spec": {"taints": None}})
    cluster.pod(waits)
    cluster.cancel("waits")
    cluster.ended("waits")


def test_a_start_timeout_with_unusual_limits_does_not_make_the_runtime_unready(
    cluster: FakeCluster,
) -> None:
    cluster.apply_runtime("other")
    cluster.start(start_timeout_seconds=1)
    cluster.submit("odd", resources={"cpu": "10m", "memory": "32Mi", "disk": "1Mi"})
    assert cluster.ended("odd")["reason"] == "StartTimeout"
    cluster.submit("ordinary", language="other")
    assert cluster.ended("ordinary")["reason"] == "StartTimeout"

    def ready(runtime: str) -> str | None:
        status = cluster.server.get(f"{cluster.runtimes}/{runtime}").get("status", {})
        conditions = {c["type"]: c["status"] for c in status.get("conditions", [])}
        return conditions.get("Ready")

    until(lambda: ready("other") == "False", "the other runtime to be not ready", BOUND_SECONDS)
    assert ready("python") == "True"
