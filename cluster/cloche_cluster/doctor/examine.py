"""Run the checks that a kind of cluster needs, and no others."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from cloche_cluster.doctor import checks, supply
from cloche_cluster.doctor.disk import nearest
from cloche_cluster.doctor.facts import read_host, read_memory
from cloche_cluster.doctor.findings import Finding, Level, Section, ok, problem
from cloche_cluster.doctor.kernel import read_kernel
from cloche_cluster.doctor.needs import read_needs
from cloche_cluster.doctor.neighbours import read_neighbours
from cloche_cluster.embedded import ports
from cloche_cluster.embedded.layout import Layout
from cloche_cluster.embedded.settings import Embedded
from cloche_cluster.errors import ClusterError
from cloche_cluster.images.engine import NO_ENGINE
from cloche_cluster.machine.facts import is_linux_root
from cloche_cluster.machine.files import user_cache
from cloche_cluster.targets.base import GATEWAY_PORT
from cloche_cluster.targets.choice import Kind, Target
from cloche_cluster.targets.foreign import required_registry
from cloche_cluster.targets.port_forward import PortForward

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloche_cluster.checkout import Checkout
    from cloche_cluster.console import Console
    from cloche_cluster.images.table import Image


def examine(
    target: Target, checkout: Checkout, images: Sequence[Image], console: Console
) -> list[Section]:
    """Return all findings, passed checks included. Nothing is changed.

    `images` are the images that will be installed.
    """
    facts = read_host()
    machine = checks.host(facts)
    if target.kind is not Kind.EMBEDDED:
        return [Section("machine", tuple(machine)), *_with_tools(target, checkout, images)]
    system = checks.system(facts)
    if system.level is Level.PROBLEM:  # the remaining checks need Linux and root
        return [Section("machine", (system, *machine))]
    here = Section("machine", (system, *machine))
    return [here, *_embedded(Embedded(console), checkout, images)]


def without_target(reason: str) -> list[Section]:
    """Return the findings if no cluster can be chosen, for this `reason`."""
    machine = Section("machine", tuple(checks.host(read_host())))
    return [machine, Section("cluster", (problem("cluster", reason),))]


def _embedded(cluster: Embedded, checkout: Checkout, images: Sequence[Image]) -> list[Section]:
    """Run the checks that only the embedded cluster needs."""
    layout = cluster.layout
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(read_needs, Kind.EMBEDDED, checkout.root, layout, images)
        others = read_neighbours(cluster)
        needs = read.result()
    memory = checks.memory(read_memory(), running=others.running, builds=bool(needs.components))
    kernel = (
        [ok("kernel", "the embedded cluster is running")]
        if others.running
        else checks.kernel(read_kernel(nearest(layout.state)))
    )
    return [
        Section("memory and kernel", (memory, *kernel)),
        Section("other programs", tuple(checks.neighbours(others, cluster.addresses))),
        Section(
            "builds and downloads",
            tuple(supply.examine(needs, checkout.root, layout.cache, layout)),
        ),
    ]


def _with_tools(target: Target, checkout: Checkout, images: Sequence[Image]) -> list[Section]:
    """Run the checks for kind, minikube and foreign clusters."""
    found = [
        ok("kubectl", path)
        if (path := shutil.which("kubectl"))
        else problem("kubectl", "it is not installed, but required to install Cloche: install it")
    ]
    if target.kind is Kind.FOREIGN:
        found.append(_registry(target))
    found.append(_local_port(checkout))
    needs = read_needs(target.kind, checkout.root, Layout(), images)
    if not needs.docker and not is_linux_root():
        found.append(problem("images", NO_ENGINE))
        return [Section("cluster", tuple(found))]
    supplied = supply.examine(needs, checkout.root, user_cache(), None)
    return [Section("cluster", tuple(found)), Section("builds and downloads", tuple(supplied))]


def _registry(target: Target) -> Finding:
    try:
        return ok("registry", required_registry(target.context or ""))
    except ClusterError as error:
        return problem("registry", str(error))


def _local_port(checkout: Checkout) -> Finding:
    """Check the local port to which the gateway is forwarded."""
    own = PortForward(checkout.directory).running()
    holder = ports.foreign_holder(GATEWAY_PORT, () if own is None else (own,))
    if holder is None:
        return ok("ports", f"{GATEWAY_PORT} (gateway) is free, or used by the port-forward")
    return problem(
        "ports",
        f"port {GATEWAY_PORT}, the gateway's, is in use by {holder}: stop it",
    )
