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
from support.operator_process import Operator
from support.relay import Relay
from support.stage import BOUND_SECONDS, Stage, container


def settle(at: Stage, names: list[str], uids: list[str]) -> None:
    """Wait until every execution has the Pod that it was claimed with. Then cancel them all."""
    for name, uid in zip(names, uids, strict=True):

        def has_its_pod(name: str = name, uid: str = uid) -> bool:
            pod = at.server.find(f"{at.pods}/sbx-{uid}")
            return pod is not None and at.status(name).get("podUID") == pod["metadata"]["uid"]

        until(has_its_pod, BOUND_SECONDS, f"{name} to have its Pod")
    assert {pod["metadata"]["name"] for pod in at.list_pods()} <= {f"sbx-{uid}" for uid in uids}
    for name in names:
        at.cancel(name)
    for name in names:
        assert at.ended(name)["reason"] == "Cancelled"
    until(lambda: not at.list_pods(), BOUND_SECONDS, "the Pods to go")


@pytest.mark.parametrize("moment", ["the first Pod", "the first claim"])
def test_a_new_operator_replaces_the_pods_of_one_killed_while_executions_started(
    alone: Stage, moment: str
) -> None:
    first = alone.start()
    names = [f"run-{n}" for n in range(6)]
    uids = [alone.submit(name) for name in names]
    if moment == "the first Pod":
        until(alone.list_pods, BOUND_SECONDS, moment)
    else:
        alone.claimed(names[0])
    first.kill()
    before = {pod["metadata"]["uid"] for pod in alone.list_pods()}
    alone.start()

    def replaced() -> bool:
        # Nothing was sent to the earlier Pods, and their stdin may be closed, so all are replaced.
        now = {pod["metadata"]["uid"] for pod in alone.list_pods()}
        return len(now) == len(names) and not now & before

    until(replaced, 2 * BOUND_SECONDS, "Pods of the new operator")
    settle(alone, names, uids)


def test_a_new_operator_handles_changes_made_while_no_operator_ran(alone: Stage) -> None:
    first = alone.start()
    names = ["cancelled", "deleted", "pod-gone", "untouched"]
    uids = {name: alone.submit(name) for name in names}
    for name in names:
        alone.claimed(name)
    first.kill()
    alone.cancel("cancelled")
    alone.server.delete(f"{alone.executions}/deleted")
    # There is no garbage collector here, so the test deletes the Pod.
    alone.server.delete(f"{alone.pods}/sbx-{uids['deleted']}")
    alone.server.delete(f"{alone.pods}/sbx-{uids['pod-gone']}")
    fresh = alone.submit("fresh")
    alone.start()
    assert alone.ended("cancelled")["reason"] == "Cancelled"
    alone.no_pod(uids["cancelled"])
    lost = alone.ended("pod-gone")
    assert (lost["phase"], lost["reason"]) == ("Error", "PodDeleted")
    settle(alone, ["untouched", "fresh"], [uids["untouched"], fresh])


def test_a_new_operator_records_an_image_pull_failure_of_a_claimed_pod(alone: Stage) -> None:
    """The next operator finds a claimed Pod that has a node and no log."""
    first = alone.start()
    uid = alone.submit("no-image")
    alone.claimed("no-image")
    first.kill()
    alone.bind(uid)
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    alone.say(uid, container(waiting))
    alone.start()
    ended = alone.ended("no-image")
    assert (ended["phase"], ended["reason"]) == ("Error", "ImagePullFailed")


def test_the_operator_is_not_ready_while_the_api_server_is_frozen_and_recovers(
    relayed: tuple[Stage, Relay],
) -> None:
    stage, relay = relayed
    running = stage.start(sweep_seconds=1)
    before = stage.submit("before")
    stage.claimed("before")
    with relay.frozen():
        until(
            lambda: running.http("/readyz").status_code == httpx.codes.SERVICE_UNAVAILABLE,
            BOUND_SECONDS,
            "readiness to be lost",
        )
        assert running.http("/healthz").is_success
    until(lambda: running.http("/readyz").is_success, BOUND_SECONDS, "readiness to return")
    during = stage.submit("during")
    settle(stage, ["before", "during"], [before, during])


def test_sigterm_leaves_running_executions_to_the_next_operator(alone: Stage) -> None:
    first = alone.start(drain_seconds=0.5)
    names = [f"run-{n}" for n in range(3)]
    uids = [alone.submit(name) for name in names]
    for name in names:
        alone.claimed(name)
    begun = time.monotonic()
    first.stop()
    assert first.process.returncode == 0
    assert time.monotonic() - begun < 0.5 + 3
    for name in names:
        assert alone.status(name)["phase"] == "Running"
    assert len(alone.list_pods()) == 3
    alone.start()
    settle(alone, names, uids)


def test_sigterm_waits_for_running_executions_within_drain_seconds(alone: Stage) -> None:
    # Longer than the 5 s after which kopf cancels tasks that it does not know.
    operator = alone.start(drain_seconds=20, start_timeout_seconds=6)
    alone.submit("last")
    alone.claimed("last")
    operator.stop()
    assert operator.process.returncode == 0
    assert alone.status("last")["reason"] == "StartTimeout"
    assert alone.list_pods() == []


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
            until(lambda: "does not answer" in operator.log, BOUND_SECONDS, "the operator to try")
            operator.stop()
            assert operator.process.returncode == 0
        finally:
            operator.kill()


def test_the_sweeper_deletes_only_leftover_pods_of_ended_executions(alone: Stage) -> None:
    uid = alone.submit("done")
    alone.server.merge(f"{alone.executions}/done/status", {"status": {"phase": "Completed"}})
    owner = {
        "apiVersion": "cloche.dev/v1alpha1",
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
        alone.server.create(alone.pods, {"metadata": metadata, "spec": spec})
    alone.start(sweep_seconds=0.2)
    until(
        lambda: (
            {pod["metadata"]["name"] for pod in alone.list_pods()}
            == {"without-owner", "without-label"}
        ),
        BOUND_SECONDS,
        "the left-over Pod to go",
    )


def test_a_record_is_kept_for_its_ttl(alone: Stage) -> None:
    alone.start(sweep_seconds=0.2)
    for name, ttl in (("keep", 3600), ("brief", 0), ("second", 1)):
        alone.submit(name, language="cobol", ttlSecondsAfterFinished=ttl)
    for name in ("brief", "second"):
        alone.no_execution(name)
    assert alone.status("keep")["reason"] == "UnknownLanguage"


def test_an_execution_whose_spec_leaves_no_room_for_a_status_is_finished(alone: Stage) -> None:
    # The largest that etcd accepts, created without the gateway, because the gateway counts bytes.
    low, high = 0, 262_144
    while low < high:
        middle = (low + high + 1) // 2
        body = {
            "apiVersion": "cloche.dev/v1alpha1",
            "kind": "SandboxExecution",
            "metadata": {"name": f"try-{middle}"},
            "spec": {"language": "python", "code": "<" * 220_000, "stdin": "x" * middle},
        }
        taken = alone.server.ask("POST", alone.executions, body).is_success
        low, high = (middle, high) if taken else (low, middle - 1)
        if taken:
            full = f"try-{middle}"
    for obj in alone.server.get(alone.executions)["items"]:
        name = obj["metadata"]["name"]
        if name != full:
            alone.server.delete(f"{alone.executions}/{name}")
    running = alone.start(start_timeout_seconds=1)

    def at_rest() -> bool:
        obj = alone.server.find(f"{alone.executions}/{full}")
        ended = obj is None or obj["status"]["phase"] not in ("Pending", "Running")
        return ended and not alone.list_pods()

    until(at_rest, BOUND_SECONDS, f"{full} to end\n{running.log}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CAPACITY_SHARE", "0"),
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
