"""Start the embedded cluster: initially, after a crash, or with a newer configuration."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from cloche_cluster.components.build import Binaries, ensure_binaries
from cloche_cluster.components.crun import ensure_crun
from cloche_cluster.components.pins import COMPONENTS, COREDNS
from cloche_cluster.embedded import addons, ports, supervisord, sweep
from cloche_cluster.embedded.configure import configure
from cloche_cluster.embedded.node import cgroups, network, sysctls
from cloche_cluster.embedded.node.image_store import NodeImage, image_store
from cloche_cluster.embedded.node.images import coredns_image, pause_image
from cloche_cluster.embedded.settings import NODE_NAME
from cloche_cluster.errors import ClusterError, CommandError
from cloche_cluster.kubectl import Kubectl, api_server_ready
from cloche_cluster.machine.apt import NODE, ensure_packages
from cloche_cluster.machine.command import wait_until
from cloche_cluster.machine.facts import read_machine

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    from cloche_cluster.console import Console
    from cloche_cluster.embedded.settings import Embedded

_API_SECONDS = 90.0
_NODE_SECONDS = 120.0
_DNS_SECONDS = 120.0


def up(cluster: Embedded) -> Binaries:
    """Start the cluster without its DNS, and return its programs.

    The caller holds the lock. Every step checks the present state, so that a later `up` continues
    an interrupted one.
    """
    binaries, crun, environment = _ensure_cached(cluster)
    pause = pause_image(cluster.layout.cache)
    supervisor = supervisord.Supervisor(cluster.layout, environment)
    machine = read_machine()
    running = supervisor.is_running()
    if running and not supervisor.has_current_mounts():
        cluster.console.step("stopping the programs that an earlier version has started …")
        supervisor.shutdown()
        running = False
    if not running:
        _clean_start(cluster)
    sysctls.record(cluster.layout.sysctls)
    sysctls.raise_limits()
    configure(cluster, machine, binaries, crun, pause)
    network.prepare(cluster.addresses)
    if running:
        supervisor.update()
    else:
        cluster.console.step("starting the embedded cluster …")
        supervisor.start(cgroups.prepare(cgroups.read_mounts()))
    _wait_for_api(cluster, supervisor)
    _prepare_inside(cluster, binaries, pause)
    return binaries


def _ensure_cached(cluster: Embedded) -> tuple[Binaries, Path | None, Path]:
    """Build what the cache lacks; return the programs, crun and supervisord's environment."""
    cache, console = cluster.layout.cache, cluster.console
    with ThreadPoolExecutor() as pool:
        packages = pool.submit(ensure_packages, NODE, console)
        environment = pool.submit(supervisord.ensure_environment, cache, console)
        crun = pool.submit(ensure_crun, cache, console, packages.result)
        binaries = ensure_binaries(cache, console, c_libraries=packages.result)
        packages.result()
        return binaries, _if_built(crun, console), environment.result()


def _if_built(crun: Future[Path], console: Console) -> Path | None:
    """Return crun, or None after printing why its build failed: sandbox Pods then run with runc."""
    try:
        return crun.result()
    except ClusterError as error:
        console.step(f"crun is not built, so that sandbox Pods run with runc: {error}")
        return None


def add_dns(cluster: Embedded) -> None:
    """Build and install the cluster's DNS, and wait for it. No part of Cloche uses it."""
    binaries = ensure_binaries(cluster.layout.cache, cluster.console, (*COMPONENTS, COREDNS))
    image = coredns_image(cluster.layout.cache, binaries)
    image_store(binaries, cluster.layout).ensure(image)
    admin = kubectl(cluster, binaries)
    admin.apply(addons.dns(image.name, cluster.addresses, read_machine().nameservers))
    rollout = ("rollout", "status", "-n", "kube-system", "deployment/coredns")
    admin.run(*rollout, f"--timeout={_DNS_SECONDS:.0f}s", timeout=_DNS_SECONDS + 10)


def kubectl(cluster: Embedded, binaries: Binaries) -> Kubectl:
    """Return kubectl as the administrator."""
    return Kubectl(binaries.path("kubernetes", "kubectl"), cluster.layout.admin)


def _clean_start(cluster: Embedded) -> None:
    """Remove leftovers of a crash, and check that no other process uses the ports."""
    swept = sweep.sweep(cluster.layout)
    if swept.processes or swept.mounts or swept.cgroups:
        cluster.console.step(f"removed what an earlier run left: {swept}")
    ports.check_free(cluster.ports)
    if not cluster.layout.sysctls.exists() and network.has_proxy_tables():
        raise ClusterError(network.OTHER_PROXY)


def _wait_for_api(cluster: Embedded, supervisor: supervisord.Supervisor) -> None:
    ca = cluster.layout.pki / "ca.crt"
    try:
        wait_until(
            lambda: api_server_ready(cluster.addresses.node, cluster.ports.api, ca),
            seconds=_API_SECONDS,
            what="the API server did not become ready",
        )
    except ClusterError as error:
        states = "".join(f"\n    {name}: {state}" for name, state in supervisor.states().items())
        raise ClusterError(f"{error}; logs are in {cluster.layout.log}{states}") from None
    cluster.console.step("the API server is ready")


def _prepare_inside(cluster: Embedded, binaries: Binaries, pause: NodeImage) -> None:
    """Apply required objects, import the pause image, and wait until the node is ready."""
    super_admin = cluster.layout.kubeconfigs / "super-admin.conf"
    first = Kubectl(binaries.path("kubernetes", "kubectl"), super_admin)
    first.apply([*addons.access(), addons.runtime_class()])
    wait_until(cluster.layout.containerd_socket.exists, seconds=30, what="containerd did not start")
    image_store(binaries, cluster.layout).ensure(pause)
    admin = kubectl(cluster, binaries)
    _wait_for(admin, "node", NODE_NAME, "--for=condition=Ready", _NODE_SECONDS)
    cgroups.reserve_processes(cgroups.read_mounts())
    cluster.console.step("the node is ready")


def _wait_for(admin: Kubectl, kind: str, name: str, condition: str, seconds: float) -> None:
    """Wait for a condition of an object that may not exist yet."""

    def holds() -> bool:
        try:
            admin.run("wait", kind, name, condition, "--timeout=5s")
        except CommandError:
            return False
        return True

    wait_until(holds, seconds=seconds, what=f"{kind} {name} did not become ready")
