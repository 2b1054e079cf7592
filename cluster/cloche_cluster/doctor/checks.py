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
_EVERYBODY = 0o666

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
            f"{facts.architecture} is not supported, since programs' system calls are filtered by "
            f"number: use a machine with {' or '.join(ARCHITECTURES)}",
        ),
        ok("Python", ".".join(map(str, facts.python)))
        if facts.python >= PYTHON
        else problem(
            "Python",
            f"{'.'.join(map(str, facts.python))} is too old, "
            f"{'.'.join(map(str, PYTHON))} is needed: make up PYTHON=… names another",
        ),
    ]
    return [*found, _null(facts)]


def _null(facts: Host) -> Finding:
    restore = "restore it: rm -f /dev/null && mknod -m 666 /dev/null c 1 3"
    if facts.null_mode is None:
        return problem("/dev/null", f"it does not exist; {restore}")
    if facts.null_number is None:
        return problem("/dev/null", f"it is not a device, so that output collects there; {restore}")
    if facts.system == "Linux" and facts.null_number != NULL_NUMBER:
        return problem("/dev/null", f"it is device {facts.null_number}, not 1:3; {restore}")
    if facts.null_mode & _EVERYBODY != _EVERYBODY:
        return problem("/dev/null", "not everybody may read and write it: chmod 666 /dev/null")
    return ok("/dev/null", "a device that everybody may write to")


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
            f"{total} are too little, 4 GiB are needed and 8 GiB advised: give the machine more, "
            "or use another cluster (CLUSTER=current)",
        )
    if not running and facts.available < needed:
        what = "build" if builds else "start"
        return problem(
            "memory",
            f"{free} of {total} are free, {_gib(needed)} are needed to {what}: end what uses them",
        )
    if facts.total < MEMORY_ADVISED:
        return warning(
            "memory", f"{total} are enough to start; for all languages and tests, 8 GiB are advised"
        )
    return ok("memory", f"{free} of {total} are free")


_NOT_HERE = "use the machine itself instead of a container without privileges, or CLUSTER=kind"


def kernel(facts: Kernel) -> list[Finding]:
    """Judge the kernel's features."""
    nftables = (
        ok("nftables", "the kernel has it")
        if facts.nftables
        else problem(
            "nftables",
            "the kernel lacks nf_tables, which kube-proxy needs: `modprobe nf_tables` loads it, or "
            "take a kernel with CONFIG_NF_TABLES",
        )
    )
    found = [nftables, _cgroups(facts)]
    if facts.lacking_capabilities:  # without them, the other checks are meaningless
        lacking = ", ".join(facts.lacking_capabilities)
        return [problem("capabilities", f"root lacks {lacking}: {_NOT_HERE}"), *found]
    return [ok("capabilities", "complete"), *found, *_namespaces(facts)]


def _namespaces(facts: Kernel) -> list[Finding]:
    return [
        problem("namespaces", f"they cannot be made ({facts.namespaces}): {_NOT_HERE}")
        if facts.namespaces
        else ok("namespaces", "mount, network, IPC, UTS and PID work"),
        ok("user namespaces", "they work")
        if facts.user_namespaces
        else warning(
            "user namespaces",
            "they cannot be made, so that programs get none: raise the sysctl "
            "user.max_user_namespaces",
        ),
        problem(
            "overlayfs",
            f"it cannot be mounted ({facts.overlay}): put /var/lib on a file system such as ext4 "
            "or xfs, and take a kernel with CONFIG_OVERLAY_FS",
        )
        if facts.overlay
        else ok("overlayfs", "it works"),
    ]


def _cgroups(facts: Kernel) -> Finding:
    lacking = ", ".join(sorted(CONTROLLERS - facts.controllers))
    if lacking:
        return problem(
            "control groups",
            f"there is no {lacking}, which Kubernetes needs: mount the control groups (systemd "
            "does), or boot with cgroup_enable=memory where memory is off",
        )
    if not facts.cgroups_writable:
        return problem("control groups", f"they cannot be written: {_NOT_HERE}")
    return ok("control groups", "complete and writable")


def neighbours(facts: Neighbours, addresses: Addresses) -> list[Finding]:
    """Judge the other programs on the machine."""
    taken = [problem("ports", sentence) for sentence in facts.ports]
    end = "end it, or use another cluster (CLUSTER=…)"
    found = taken or [ok("ports", "free, or the embedded cluster's own")]
    if facts.local_port:
        url = f"http://{addresses.node}:{GATEWAY_NODE_PORT}"
        found.append(
            warning(
                "ports",
                f"port {GATEWAY_LOCAL_PORT} (gateway) is taken by {facts.local_port}; the gateway "
                f"will be at {url}",
            )
        )
    found += [problem("sockets", f"{one}: {end}") for one in facts.sockets]
    found.append(
        problem("network", facts.network) if facts.network else ok("network", "nothing overlaps")
    )
    return [*found, _proxy(facts, addresses), *_containerds(facts)]


def _proxy(facts: Neighbours, addresses: Addresses) -> Finding:
    if facts.proxy_tables:
        return problem("kube-proxy", OTHER_PROXY)
    if facts.proxies:
        return warning(
            "kube-proxy",
            f"another one works on this machine (process {_listed(facts.proxies)}): that goes well "
            f"as long as its Services have no address in {addresses.services}",
        )
    return ok("kube-proxy", "there is no other one")


def _containerds(facts: Neighbours) -> list[Finding]:
    if not facts.containerds:
        return [ok("containerd", "there is no other one")]
    which = _listed(facts.containerds)
    return [ok("containerd", f"another one (process {which}) has its own sockets and directories")]


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"
