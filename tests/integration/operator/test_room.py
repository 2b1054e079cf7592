"""Room to run: nodes, the queue, quotas, and Pods that no node accepts."""

from __future__ import annotations

from support.deadline import until
from support.stage import BOUND_SECONDS, Stage

NO_NODE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/1 nodes are available: 1 Insufficient cpu.",
}


def test_the_line(alone: Stage) -> None:
    alone.set_node("1Gi")  # of which 614 MiB are for executions: one at a time
    running = alone.start(queue_length=2, queue_timeout_seconds=3)
    first = alone.submit("first")
    alone.pod(first)
    second = alone.submit("second")
    until(
        lambda: running.metric("cloche_operator_queued_executions") == 1,
        BOUND_SECONDS,
        "second to wait",
    )
    alone.submit("third")
    until(
        lambda: running.metric("cloche_operator_queued_executions") == 2,
        BOUND_SECONDS,
        "third to wait",
    )
    alone.submit("fourth")
    full = alone.ended("fourth")
    assert (full["phase"], full["reason"]) == ("Error", "QueueFull")
    assert full["message"] == "The queue is full: 2 executions wait."

    alone.cancel("first")
    alone.pod(second)
    assert alone.ended("first")["reason"] == "Cancelled"
    late = alone.ended("third")
    assert (late["phase"], late["reason"]) == ("Error", "QueueTimeout")
    assert late["message"] == "No capacity became free within 3 s."
    assert late["queuedTime"]
    assert "podName" not in late
    alone.cancel("second")
    alone.ended("second")


def test_who_is_cancelled_in_the_line_leaves_it(alone: Stage) -> None:
    alone.set_node("1Gi")
    alone.start()
    alone.pod(alone.submit("first"))
    waiting, behind = alone.submit("waiting"), alone.submit("behind")
    alone.cancel("waiting")
    assert alone.ended("waiting")["reason"] == "Cancelled"
    alone.server.delete(f"{alone.executions}/first")
    alone.pod(behind)
    assert alone.server.find(f"{alone.pods}/sbx-{waiting}") is None
    alone.cancel("behind")
    alone.ended("behind")


def test_more_than_the_nodes_have(alone: Stage) -> None:
    alone.set_node("1Gi")
    alone.start(sweep_seconds=0.2)
    alone.submit("large", resources={"memory": "1Gi"})
    status = alone.ended("large")
    assert (status["phase"], status["reason"]) == ("Error", "Unschedulable")
    assert status["message"] == (
        "The execution's memory limit of 1024 MiB is more than the 614 MiB that executions may "
        "use on the sandbox nodes."
    )


def test_while_no_node_is_ready(alone: Stage) -> None:
    alone.set_node("1Gi", ready=False)
    running = alone.start(sweep_seconds=60, queue_timeout_seconds=3)
    waits = alone.submit("waits", resources={"memory": "64Mi"})
    late = alone.ended("waits")
    assert (late["phase"], late["reason"]) == ("Error", "QueueTimeout")
    assert late["message"] == "No sandbox node was ready within 3 s."
    alone.no_pod(waits)
    large = alone.submit("large", resources={"memory": "2Gi"})
    until(
        lambda: running.metric("cloche_operator_queued_executions") == 1,
        BOUND_SECONDS,
        "large to wait",
    )
    alone.set_node("1081101176832")  # a terabyte, as a kubelet may write it
    alone.pod(large)
    alone.cancel("large")
    alone.ended("large")


def test_nobody_overtakes_a_pod_that_no_node_takes(alone: Stage) -> None:
    alone.apply_runtime("elsewhere", nodeSelector={"kind": "other"})
    running = alone.start()
    first = alone.submit("first")
    alone.say(first, {"conditions": [NO_NODE]})
    until(
        lambda: running.metric("cloche_operator_pods_without_node") == 1,
        BOUND_SECONDS,
        "the operator to have seen it",
    )
    second = alone.submit("second")
    elsewhere = alone.submit("elsewhere", language="elsewhere")
    alone.pod(elsewhere)  # although it was submitted after the second
    assert alone.server.find(f"{alone.pods}/sbx-{second}") is None
    alone.say(first, {"conditions": [NO_NODE | {"status": "True"}]})
    alone.pod(second)
    for name in ("first", "second", "elsewhere"):
        alone.cancel(name)
        alone.ended(name)


def test_pods_that_do_not_start(alone: Stage) -> None:
    alone.start(start_timeout_seconds=1)
    nobody, silent = alone.submit("nobody"), alone.submit("silent")
    alone.pod(silent)
    alone.say(nobody, {"conditions": [NO_NODE]})
    status = alone.ended("nobody")
    assert (status["phase"], status["reason"]) == ("Error", "Unschedulable")
    assert "1 Insufficient cpu." in status["message"]
    status = alone.ended("silent")
    assert (status["phase"], status["reason"]) == ("Error", "StartTimeout")
    assert status["message"] == "The Pod did not start within 1 s: the node has reported nothing"
    for uid in (nobody, silent):
        alone.no_pod(uid)


def test_a_quota_that_is_used_up(alone: Stage) -> None:
    quotas = f"/api/v1/namespaces/{alone.namespace}/resourcequotas"
    hard = {"pods": "0"}
    alone.server.create(quotas, {"metadata": {"name": "none"}, "spec": {"hard": hard}})
    # The status that the quota controller would write.
    alone.server.merge(f"{quotas}/none/status", {"status": {"hard": hard, "used": hard}})
    alone.start()
    alone.submit("refused")
    status = alone.ended("refused")
    assert (status["phase"], status["reason"]) == ("Error", "PodRefused")
    assert "exceeded quota: none" in status["message"]


def test_a_burst_under_a_quota(alone: Stage) -> None:
    quotas = f"/api/v1/namespaces/{alone.namespace}/resourcequotas"
    hard = {"pods": "1000", "limits.memory": "1000Gi"}
    used = {"pods": "0", "limits.memory": "0"}
    alone.server.create(quotas, {"metadata": {"name": "ample"}, "spec": {"hard": hard}})
    alone.server.merge(f"{quotas}/ample/status", {"status": {"hard": hard, "used": used}})
    alone.start()
    names = [f"burst-{n}" for n in range(30)]
    uids = [alone.submit(name) for name in names]
    for name in names:
        assert alone.claimed(name)["phase"] == "Running"
    users = {pod["spec"]["securityContext"]["runAsUser"] for pod in alone.list_pods()}
    assert len(users) == len(uids)
    for name in names:
        alone.cancel(name)
    for name in names:
        assert alone.ended(name)["reason"] == "Cancelled"
    until(lambda: not alone.list_pods(), BOUND_SECONDS, "the Pods to go")


def test_a_node_where_no_pod_may_go_does_not_count(alone: Stage) -> None:
    node = f"/api/v1/nodes/{alone.namespace}"
    taint = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
    alone.server.merge(node, {"spec": {"taints": [taint]}})
    running = alone.start(queue_timeout_seconds=600)
    waits = alone.submit("waits")
    until(
        lambda: running.metric("cloche_operator_queued_executions") == 1,
        BOUND_SECONDS,
        "it to wait",
    )
    alone.server.merge(node, {"spec": {"taints": None}})
    alone.pod(waits)
    alone.cancel("waits")
    alone.ended("waits")


def test_odd_limits_say_nothing_of_the_runtime(alone: Stage) -> None:
    alone.apply_runtime("other")
    alone.start(start_timeout_seconds=1)
    alone.submit("odd", resources={"cpu": "10m", "memory": "32Mi", "disk": "1Mi"})
    assert alone.ended("odd")["reason"] == "StartTimeout"
    alone.submit("ordinary", language="other")
    assert alone.ended("ordinary")["reason"] == "StartTimeout"

    def ready(runtime: str) -> str | None:
        status = alone.server.get(f"{alone.runtimes}/{runtime}").get("status", {})
        conditions = {c["type"]: c["status"] for c in status.get("conditions", [])}
        return conditions.get("Ready")

    until(lambda: ready("other") == "False", BOUND_SECONDS, "the other to be told of")
    assert ready("python") == "True"
