"""Facts about this machine that the cluster's configuration depends on."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path

from cloche_cluster.errors import ClusterError

CAP_SYS_RESOURCE = 24
"""The capability's number in linux/capability.h. Lowering oom_score_adj requires it."""

LINUX_AND_ROOT = (
    "requires Linux and root: run `sudo make up`, or use CLUSTER=kind or CLUSTER=minikube"
)
"""The message for a machine or user that cannot run the embedded cluster."""

_RESOLVED = Path("/run/systemd/resolve/resolv.conf")
_RESOLV_CONF = Path("/etc/resolv.conf")


@dataclass(frozen=True)
class Machine:
    """The facts: whether only cgroup v2 is used, capabilities, name servers."""

    cgroup_v2: bool
    can_lower_oom_score: bool
    nameservers: tuple[str, ...]


def read_machine() -> Machine:
    """Read the facts about this machine."""
    resolv_conf = _RESOLVED if _RESOLVED.exists() else _RESOLV_CONF
    return Machine(
        cgroup_v2=Path("/sys/fs/cgroup/cgroup.controllers").exists(),
        can_lower_oom_score=has_capability(Path("/proc/self/status").read_text(), CAP_SYS_RESOURCE),
        nameservers=usable_nameservers(resolv_conf.read_text() if resolv_conf.exists() else ""),
    )


def has_capability(status: str, number: int) -> bool:
    """Return whether a /proc/PID/status text has the effective capability `number`."""
    found = re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)
    return bool(found and int(found.group(1), 16) >> number & 1)


def usable_nameservers(resolv_conf: str) -> tuple[str, ...]:
    """Return the name servers that Pods can use. In a Pod, a loopback address is the Pod itself."""
    servers = re.findall(r"^nameserver\s+(\S+)", resolv_conf, re.MULTILINE)
    return tuple(server for server in servers if not _is_loopback(server))


def available_memory() -> int:
    """Return the bytes of memory available to new programs (MemAvailable of proc_meminfo(5))."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return int(found.group(1)) * 1024 if found else 0


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.split("%", maxsplit=1)[0]).is_loopback
    except ValueError:
        return True


def is_linux_root() -> bool:
    """Return whether this is Linux and the user is root."""
    return os.uname().sysname == "Linux" and os.geteuid() == 0


def require_linux_root() -> None:
    """Raise ClusterError if the embedded cluster cannot run."""
    if not is_linux_root():
        raise ClusterError(f"the embedded cluster {LINUX_AND_ROOT}")
