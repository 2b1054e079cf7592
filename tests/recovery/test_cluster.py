"""The embedded cluster: killed programs are restarted, and `down` leaves nothing.

The suite removes the cluster and starts it again; it ends with a running installation. Tests that
only need the cluster use `up --bare`, which does not change the installed release.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from support.clients.cluster_command import COMMAND, ENVIRONMENT, cluster, interrupted
from support.clients.node_processes import kill_component, of_component
from support.data.names import ROOT, SANDBOXES
from support.deadline import until
from support.fixtures.executions import Execute, Finished, Submit

from cloche_cluster.checkout import Checkout
from cloche_cluster.embedded.layout import Layout
from cloche_cluster.embedded.node import cgroups, network
from cloche_cluster.embedded.settings import NO_NETWORK
from cloche_cluster.embedded.sweep import find_processes, own_mounts
from cloche_cluster.targets.choice import Kind

if TYPE_CHECKING:
    from support.clients.kubectl import InstallationKubectl
    from support.fixtures.installation import Installation

UP_SECONDS = 120
READY_SECONDS = 60
RESTART_SECONDS = 30
LAYOUT = Layout()
BARE = ("up", "--bare")


@pytest.fixture(autouse=True)
def _embedded() -> None:
    target = Checkout(ROOT).remembered()
    assert target is not None
    assert target.kind is Kind.EMBEDDED, "these tests are the embedded cluster's: CLUSTER=embedded"


def kill_everything() -> None:
    """Kill every process at once, as a crash of the machine would."""

    def gone() -> bool:
        pids = find_processes(LAYOUT)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not pids

    until(gone, "every process of the cluster to end", 30)


def command_of(pid: int) -> str:
    """Return the process's arguments; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def gateway_pids() -> set[int]:
    return {pid for pid in find_processes(LAYOUT) if "-m cloche_gateway" in command_of(pid)}


def serves(http: httpx.Client) -> bool:
    """Return whether the gateway is ready."""
    try:
        return http.get("/health/ready").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("program", ["kube-scheduler", "kube-controller-manager", "kube-proxy"])
def test_a_killed_control_plane_program_is_restarted(program: str) -> None:
    kill_component(program, RESTART_SECONDS)


def test_containers_survive_a_restart_of_containerd(execute: Execute) -> None:
    gateways = gateway_pids()
    assert gateways
    kill_component("containerd", RESTART_SECONDS)
    assert gateway_pids() == gateways
    assert execute("print(1)")["stdout"] == "1\n"


def test_an_input_lost_with_containerd_is_sent_to_another_pod(
    submit: Submit,
    finished: Finished,
    kubectl: InstallationKubectl,
) -> None:
    hits = kubectl.runtime_status("python")["hits"]
    until(lambda: finished(submit("pass"))["warm"], "a program to run in a Pod that waited", 60)
    # The status is up to 5 s old; one that counts this program comes from the new containerd.
    until(
        lambda: kubectl.runtime_status("python")["hits"] > hits and kubectl.pool_is_full("python"),
        "a Pod to wait",
        60,
    )
    before = of_component("containerd")
    os.kill(before, signal.SIGSTOP)  # it neither reads nor passes on input from now on
    name = submit("print('once')", timeoutSeconds=5)

    def claimed() -> str | None:
        uid: str | None = kubectl.execution(name).get("status", {}).get("podUID")
        return uid

    first = until(claimed, "the execution to be claimed", 30)
    os.kill(before, signal.SIGKILL)
    status = finished(name)
    assert (status["reason"], status["stdout"]) == ("Exited", "once\n"), status
    assert status["podUID"] != first


def test_make_up_restores_the_cluster_and_its_records_after_a_crash(
    execute: Execute, http: httpx.Client
) -> None:
    ended = execute("print('before')")
    kill_everything()
    began = time.monotonic()
    said = cluster("up")
    assert time.monotonic() - began < UP_SECONDS
    assert "removed what an earlier run left" in said
    status = http.get(f"/api/v1/execute/status/{ended['execution_id']}")
    assert status.status_code == 200, status.text
    assert status.json()["result"]["stdout"] == "before\n"
    assert execute("print('after')")["stdout"] == "after\n"


def test_make_up_completes_an_interrupted_make_up(execute: Execute, http: httpx.Client) -> None:
    kill_everything()
    _, error = interrupted(*BARE, at="starting the embedded cluster")
    assert error.count("\n") == 1, error
    cluster(*BARE)
    until(lambda: serves(http), "the gateway to be ready", READY_SECONDS)
    assert execute("print('again')")["stdout"] == "again\n"


def test_one_of_two_concurrent_make_ups_waits_for_the_other() -> None:
    both = [
        subprocess.Popen([*COMMAND, *BARE], env=ENVIRONMENT, text=True, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=UP_SECONDS)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert len([text for text in said if "waiting for `make up`" in text]) == 1


def test_sandbox_pods_have_only_the_loopback_interface_and_addresses_of_their_own(
    execute: Execute, kubectl: InstallationKubectl
) -> None:
    """The file of an address goes with its Pod."""
    shown = execute("ls /sys/class/net; cat /sys/class/net/lo/flags", "bash")
    assert shown["stdout"] == "lo\n0x9\n", shown  # IFF_UP and IFF_LOOPBACK

    def kept() -> bool:
        pods = kubectl.json("get", "pods", "-n", SANDBOXES)["items"]
        addresses = [pod["status"]["podIP"] for pod in pods if "podIP" in pod["status"]]
        assert len(set(addresses)) == len(addresses)
        files = {path.name for path in (LAYOUT.run / "cni" / NO_NETWORK).glob("10.*")}
        return files == set(addresses)

    until(kept, "each address to belong to a Pod", READY_SECONDS)


def test_make_down_removes_everything_and_make_up_starts_a_new_cluster(
    installation: Installation,
) -> None:
    """This test is the last of its file: the fixtures' key is of the cluster that it removes."""
    said = cluster("down")
    assert "removed: /var/lib/cloche" in said
    assert find_processes(LAYOUT) == ()
    places = (LAYOUT.state, LAYOUT.run, LAYOUT.log)
    assert own_mounts(Path("/proc/self/mountinfo").read_text(), places) == ()
    assert not [place for place in places if place.exists()]
    mounts = cgroups.read_mounts()
    assert not [hierarchy for hierarchy in mounts.all if (hierarchy / "cloche").exists()]
    links = subprocess.run(["ip", "-brief", "link"], capture_output=True, text=True, check=True)
    assert "cloche" not in links.stdout
    addresses = subprocess.run(
        ["ip", "-brief", "address"], capture_output=True, text=True, check=True
    )
    assert "10.99.0.1" not in addresses.stdout
    tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True)
    assert "cloche" not in tables.stdout
    assert not network.has_proxy_tables()
    assert not (ROOT / ".cloche").exists()
    assert "nothing to remove" in cluster("down")
    cluster("up")
    assert (ROOT / ".cloche" / "env").exists()
    assert httpx.get(f"{installation.url}/health/ready").status_code == 200
