"""Judge the observations of the machine, its kernel and its other programs: pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_cluster.doctor.findings import Finding, ok, problem, warning
from cloche_cluster.embedded.node.images import ARCHITECTURES
from cloche_cluster.embedded.node.network import OTHER_PROXY
from cloche_cluster.embedded.settings import GATEWAY_LOCAL_PORT, GATEWAY_NODE_PORT
from cloche_cluster.machine.facts import LINUX_AND_ROOT

if TYPE_CHECKING:
    from cloche_cluster.doctor.facts import Host, Memory
    from cloche_cluster.doctor.kernel import Kernel
    from cloche_cluster.doctor.neighbours import Neighbours
    from cloche_cluster.embedded.settings import Addresses

GIB = 1024**3

PYTHON = (3, 11)
"""The minimum, from requires-python in pyproject.toml."""

NULL_NUMBER = (1, 3)
"""The device number of /dev/null on Linux, see null(4)."""
_ALL_USERS = 0o666

_OTHER_NAMES = {"arm64": "aarch64", "AMD64": "x86_64"}
"""Names of these architectures on systems other than Linux."""

CONTROLLERS = frozenset({"cpu", "cpuset", "memory", "pids"})
"""Cgroup controllers that the kubelet and Pod limits require."""


def host(facts: Host) -> list[Finding]:
    """Judge what every kind of cluster requires."""
    architecture = _OTHER_NAMES.get(facts.architecture, facts.architecture)
    found = [
        ok("architecture", facts.architecture)
        if architecture in ARCHITECTURES
        else problem(
            "architecture",
            f"the system call filter does not support {facts.architecture}: use a machine with "
            f"{' or '.join(ARCHITECTURES)}",
        ),
        ok("Python", ".".join(map(str, facts.python)))
        if facts.python >= PYTHON
        else problem(
            "Python",
            f"{'.'.join(map(str, facts.python))} is too old, "
            f"{'.'.join(map(str, PYTHON))} is required: select another one (make up PYTHON=…)",
        ),
    ]
    return [*found, _null(facts)]


def _null(facts: Host) -> Finding:
    restore = "restore it: rm -f /dev/null && mknod -m 666 /dev/null c 1 3"
    if facts.null_mode is None:
        return problem("/dev/null", f"it does not exist; {restore}")
    if facts.null_number is None:
        return problem("/dev/null", f"it is not a device, so it fills with output; {restore}")
    major, minor = facts.null_number
    if facts.system == "Linux" and (major, minor) != NULL_NUMBER:
        return problem("/dev/null", f"it is device {major}:{minor}, not 1:3; {restore}")
    if facts.null_mode & _ALL_USERS != _ALL_USERS:
        return problem("/dev/null", "some users cannot read or write it: run chmod 666 /dev/null")
    return ok("/dev/null", "a device that all users can write to")


def system(facts: Host) -> Finding:
    """Judge what the embedded cluster requires of the system and the user."""
    if facts.system == "Linux" and facts.root:
        return ok("system", "Linux, root")
    user = "root" if facts.root else "not root"
    return problem("system", f"{facts.system}, {user}; the embedded cluster {LINUX_AND_ROOT}")


MEMORY_LEAST = int(3.5 * GIB)
"""What Linux reports for 4 GiB. The cluster's programs use 1.3 GiB when idle (PSS) and 1.5 under
load; the Pods of Cloche and the waiting sandbox Pods use 0.2; the rest is left to the machine."""
MEMORY_ADVISED = int(7.5 * GIB)
"""What Linux reports for 8 GiB: enough for a pool of each language and the tests' Pods."""
MEMORY_TO_START = 2 * GIB
MEMORY_TO_BUILD = 3 * GIB
"""Go's linker uses up to 2.4 GiB (`time -v go build`) while images are built."""


def memory(facts: Memory, *, running: bool, builds: bool) -> Finding:
    """Judge the total memory, and the available memory if the cluster is not running.

    `builds` is whether Go has something to build.
    """
    needed = MEMORY_TO_BUILD if builds else MEMORY_TO_START
    total, free = _gib(facts.total), _gib(facts.available)
    if facts.total < MEMORY_LEAST:
        return problem(
            "memory",
            f"{total} is too little, 4 GiB is required and 8 GiB recommended: add memory, or use "
            "another cluster (CLUSTER=current)",
        )
    if not running and facts.available < needed:
        what = "build" if builds else "start"
        return problem(
            "memory",
            f"{free} of {total} is free, {_gib(needed)} is required to {what}: stop programs that "
            "use memory",
        )
    if facts.total < MEMORY_ADVISED:
        return warning(
            "memory",
            f"{total} is enough to start; 8 GiB is recommended for all languages and the tests",
        )
    return ok("memory", f"{free} of {total} is free")


_NOT_HERE = "use the machine itself or a privileged container, or CLUSTER=kind"


def kernel(facts: Kernel) -> list[Finding]:
    """Judge the kernel's features."""
    nftables = (
        ok("nftables", "supported")
        if facts.nftables
        else problem(
            "nftables",
            "the kernel has no nf_tables, which kube-proxy requires: load it (modprobe nf_tables), "
            "or use a kernel with CONFIG_NF_TABLES",
        )
    )
    found = [nftables, _cgroups(facts)]
    if facts.lacking_capabilities:  # without them, the other checks are meaningless
        lacking = ", ".join(facts.lacking_capabilities)
        return [problem("capabilities", f"root does not have {lacking}: {_NOT_HERE}"), *found]
    return [ok("capabilities", "complete"), *found, *_namespaces(facts)]


def _namespaces(facts: Kernel) -> list[Finding]:
    return [
        problem("namespaces", f"they cannot be created ({facts.namespaces}): {_NOT_HERE}")
        if facts.namespaces
        else ok("namespaces", "mount, network, IPC, UTS and PID"),
        ok("user namespaces", "supported")
        if facts.user_namespaces
        else warning(
            "user namespaces",
            "they cannot be created, so programs run without them: raise the sysctl "
            "user.max_user_namespaces",
        ),
        problem(
            "overlayfs",
            f"it cannot be mounted ({facts.overlay}): put /var/lib on a file system such as ext4 "
            "or xfs, and use a kernel with CONFIG_OVERLAY_FS",
        )
        if facts.overlay
        else ok("overlayfs", "supported"),
    ]


def _cgroups(facts: Kernel) -> Finding:
    lacking = ", ".join(sorted(CONTROLLERS - facts.controllers))
    if lacking:
        return problem(
            "control groups",
            f"missing controllers, which Kubernetes requires: {lacking}; mount the control groups "
            "(systemd does), or boot with cgroup_enable=memory if memory is disabled",
        )
    if not facts.cgroups_writable:
        return problem("control groups", f"they are not writable: {_NOT_HERE}")
    return ok("control groups", "complete and writable")


def neighbours(facts: Neighbours, addresses: Addresses) -> list[Finding]:
    """Judge the other programs on the machine."""
    taken = [problem("ports", sentence) for sentence in facts.ports]
    stop = "stop it, or use another cluster (CLUSTER=…)"
    found = taken or [ok("ports", "free, or used by the embedded cluster")]
    if facts.local_port:
        url = f"http://{addresses.node}:{GATEWAY_NODE_PORT}"
        found.append(
            warning(
                "ports",
                f"port {GATEWAY_LOCAL_PORT} (gateway) is in use by {facts.local_port}; the gateway "
                f"will be at {url}",
            )
        )
    found += [problem("sockets", f"{one}: {stop}") for one in facts.sockets]
    found.append(
        problem("network", facts.network) if facts.network else ok("network", "no overlap")
    )
    return [*found, _proxy(facts, addresses), *_containerds(facts)]


def _proxy(facts: Neighbours, addresses: Addresses) -> Finding:
    if facts.proxy_tables:
        return problem("kube-proxy", OTHER_PROXY)
    if facts.proxies:
        return warning(
            "kube-proxy",
            f"another one runs on this machine (process {_listed(facts.proxies)}): it must have no "
            f"Services with addresses in {addresses.services}",
        )
    return ok("kube-proxy", "no other one runs")


def _containerds(facts: Neighbours) -> list[Finding]:
    if not facts.containerds:
        return [ok("containerd", "no other one runs")]
    which = _listed(facts.containerds)
    return [ok("containerd", f"another one (process {which}) uses other sockets and directories")]


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"
