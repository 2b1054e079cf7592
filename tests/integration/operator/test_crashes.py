"""Every execution ends, with one Pod at a time, after any crash or outage."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from support.deadline import until
from support.fixtures.fake_cluster import BOUND_SECONDS, FakeCluster, container
from support.fixtures.operator.process import Operator
from support.fixtures.relay_process import Relay

from cloche_api.meta import API_VERSION


def settle(at: FakeCluster, names: list[str], uids: list[str]) -> None:
    """Wait until every execution has the Pod that it was claimed with. Then cancel them all."""
    for name, uid in zip(names, uids, strict=True):

        def has_its_pod(name: str = name, uid: str = uid) -> bool:
            pod = at.server.find(f"{at.pods}/sbx-{uid}")
            return pod is not None and at.status(name).get("podUID") == pod["metadata"]["uid"]

        until(has_its_pod, f"{name} to have its Pod", BOUND_SECONDS)
    assert {pod["metadata"]["name"] for pod in at.list_pods()} <= {f"sbx-{uid}" for uid in uids}
    for name in names:
        at.cancel(name)
    for name in names:
        assert at.ended(name)["reason"] == "Cancelled"
    until(lambda: not at.list_pods(), "the Pods to go", BOUND_SECONDS)


@pytest.mark.parametrize("moment", ["the first Pod", "the first claim"])
def test_a_new_operator_replaces_the_pods_of_one_killed_while_executions_started(
    cluster: FakeCluster, moment: str
) -> None:
    first = cluster.start()
    names = [f"run-{n}" for n in range(6)]
    uids = [cluster.submit(name) for name in names]
    if moment == "the first Pod":
        until(cluster.list_pods, moment, BOUND_SECONDS)
    else:
        cluster.claimed(names[0])
    first.kill()
    before = {pod["metadata"]["uid"] for pod in cluster.list_pods()}
    cluster.start()

    def replaced() -> bool:
        # Nothing was sent to the earlier Pods, and their stdin may be closed, so all are replaced.
        now = {pod["metadata"]["uid"] for pod in cluster.list_pods()}
        return len(now) == len(names) and not now & before

    until(replaced, "Pods of the new operator", 2 * BOUND_SECONDS)
    settle(cluster, names, uids)


def test_a_new_operator_handles_changes_made_while_no_operator_ran(cluster: FakeCluster) -> None:
    first = cluster.start()
    names = ["cancelled", "deleted", "pod-gone", "untouched"]
    uids = {name: cluster.submit(name) for name in names}
    for name in names:
        cluster.claimed(name)
    first.kill()
    cluster.cancel("cancelled")
    cluster.server.delete(f"{cluster.executions}/deleted")
    # There is no garbage collector here, so the test deletes the Pod.
    cluster.server.delete(f"{cluster.pods}/sbx-{uids['deleted']}")
    cluster.server.delete(f"{cluster.pods}/sbx-{uids['pod-gone']}")
    fresh = cluster.submit("fresh")
    cluster.start()
    assert cluster.ended("cancelled")["reason"] == "Cancelled"
    cluster.no_pod(uids["cancelled"])
    lost = cluster.ended("pod-gone")
    assert (lost["phase"], lost["reason"]) == ("Error", "PodDeleted")
    settle(cluster, ["untouched", "fresh"], [uids["untouched"], fresh])


def test_a_new_operator_records_an_image_pull_failure_of_a_claimed_pod(
    cluster: FakeCluster,
) -> None:
    """The next operator finds a claimed Pod that has a node and no log."""
    first = cluster.start()
    uid = cluster.submit("no-image")
    cluster.claimed("no-image")
    first.kill()
    cluster.bind(uid)
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    cluster.write_pod_status(uid, container(waiting))
    cluster.start()
    ended = cluster.ended("no-image")
    assert (ended["phase"], ended["reason"]) == ("Error", "ImagePullFailed")


def test_the_operator_is_not_ready_while_the_api_server_is_frozen_and_recovers(
    relayed: tuple[FakeCluster, Relay],
) -> None:
    cluster, relay = relayed
    running = cluster.start(sweep_seconds=1)
    before = cluster.submit("before")
    cluster.claimed("before")
    with relay.frozen():
        until(
            lambda: running.http("/readyz").status_code == httpx.codes.SERVICE_UNAVAILABLE,
            "readiness to be lost",
            BOUND_SECONDS,
        )
        assert running.http("/healthz").is_success
    until(lambda: running.http("/readyz").is_success, "readiness to return", BOUND_SECONDS)
    during = cluster.submit("during")
    settle(cluster, ["before", "during"], [before, during])


def test_sigterm_leaves_running_executions_to_the_next_operator(cluster: FakeCluster) -> None:
    first = cluster.start(drain_seconds=0.5)
    names = [f"run-{n}" for n in range(3)]
    uids = [cluster.submit(name) for name in names]
    for name in names:
        cluster.claimed(name)
    begun = time.monotonic()
    first.stop()
    assert first.process.returncode == 0
    assert time.monotonic() - begun < 0.5 + 3
    for name in names:
        assert cluster.status(name)["phase"] == "Running"
    assert len(cluster.list_pods()) == 3
    cluster.start()
    settle(cluster, names, uids)


def test_sigterm_waits_for_running_executions_within_drain_seconds(cluster: FakeCluster) -> None:
    # Longer than the 5 s after which kopf cancels tasks that it does not know.
    operator = cluster.start(drain_seconds=20, start_timeout_seconds=6)
    cluster.submit("last")
    cluster.claimed("last")
    operator.stop()
    assert operator.process.returncode == 0
    assert cluster.status("last")["reason"] == "StartTimeout"
    assert cluster.list_pods() == []


def test_sigterm_ends_an_operator_that_never_reached_an_api_server(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(
            f"""
            apiVersion: v1
            kind: Config
            current-context: away
            contexts: [{{name: away, context: {{cluster: away, user: me}}}}]
            clusters: [{{name: away, cluster: {{server: "http://127.0.0.1:{closed.getsockname()[1]}"}}}}]
            users: [{{name: me, user: {{}}}}]
            """,
            encoding="utf-8",
        )
        operator = Operator(kubeconfig, tmp_path / "log", {})
        try:
            until(lambda: "does not answer" in operator.log, "the operator to try", BOUND_SECONDS)
            operator.stop()
            assert operator.process.returncode == 0
        finally:
            operator.kill()


def test_the_sweeper_deletes_only_leftover_pods_of_ended_executions(cluster: FakeCluster) -> None:
    uid = cluster.submit("done")
    cluster.server.merge(f"{cluster.executions}/done/status", {"status": {"phase": "Completed"}})
    owner = {
        "apiVersion": API_VERSION,
        "kind": "SandboxExecution",
        "name": "done",
        "uid": uid,
        "controller": True,
    }
    spec = {"containers": [{"name": "sandbox", "image": "cloche/runtime-python:dev"}]}
    ours = {"app.kubernetes.io/component": "sandbox"}
    for name, labels, owners in (
        ("left-over", ours, [owner]),
        ("without-owner", ours, []),
        ("without-label", {}, [owner]),
    ):
        metadata = {"name": name, "labels": labels, "ownerReferences": owners}
        cluster.server.create(cluster.pods, {"metadata": metadata, "spec": spec})
    cluster.start(sweep_seconds=0.2)
    until(
        lambda: (
            {pod["metadata"]["name"] for pod in cluster.list_pods()}
            == {"without-owner", "without-label"}
        ),
        "the left-over Pod to go",
        BOUND_SECONDS,
    )


def test_a_record_is_kept_for_its_ttl(cluster: FakeCluster) -> None:
    cluster.start(sweep_seconds=0.2)
    for name, ttl in (("keep", 3600), ("brief", 0), ("second", 1)):
        cluster.submit(name, language="cobol", ttlSecondsAfterFinished=ttl)
    for name in ("brief", "second"):
        cluster.no_execution(name)
    assert cluster.status("keep")["reason"] == "UnknownLanguage"


def test_an_execution_whose_spec_leaves_no_room_for_a_status_is_finished(
    cluster: FakeCluster,
) -> None:
    # The largest that etcd accepts, created without the gateway, because the gateway counts bytes.
    low, high = 0, 262_144
    while low < high:
        middle = (low + high + 1) // 2
        body = {
            "apiVersion": API_VERSION,
            "kind": "SandboxExecution",
            "metadata": {"name": f"try-{middle}"},
            "spec": {"language": "python", "code": "<" * 220_000, "stdin": "x" * middle},
        }
        taken = cluster.server.ask("POST", cluster.executions, body).is_success
        low, high = (middle, high) if taken else (low, middle - 1)
        if taken:
            full = f"try-{middle}"
    for obj in cluster.server.get(cluster.executions)["items"]:
        name = obj["metadata"]["name"]
        if name != full:
            cluster.server.delete(f"{cluster.executions}/{name}")
    running = cluster.start(start_timeout_seconds=1)

    def at_rest() -> bool:
        obj = cluster.server.find(f"{cluster.executions}/{full}")
        ended = obj is None or obj["status"]["phase"] not in ("Pending", "Running")
        return ended and not cluster.list_pods()

    until(at_rest, f"{full} to end\n{running.log}", BOUND_SECONDS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CAPACITY_SHARE", "0"),
        ("CAPACITY_SHARE", "1.5"),
        ("QUEUE_LENGTH", "many"),
        ("TOLERATIONS", "{}"),
        ("HTTP_PORT", "70000"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_an_invalid_setting_is_named_on_stderr(name: str, value: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cloche_operator"],
        env=os.environ | {f"CLOCHE_OPERATOR_{name}": value},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert f"CLOCHE_OPERATOR_{name}: " in done.stderr
    assert "Traceback" not in done.stderr


def test_an_operator_without_a_cluster_exits_with_a_message() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cloche_operator"],
        env={"PATH": os.environ["PATH"], "KUBECONFIG": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert "no access to a Kubernetes cluster" in done.stderr
    assert "Traceback" not in done.stderr
