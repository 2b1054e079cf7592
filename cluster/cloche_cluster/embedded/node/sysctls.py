"""Kernel settings that the cluster changes, recorded so that `down` restores them."""

from __future__ import annotations

import json
from pathlib import Path

RAISED = {
    # The kernel counts these for the whole machine, or for root, which creates the user namespaces.
    # The objects also take memory charged to the Pod's cgroup. With the counts raised, only the
    # Pods' memory limits apply, and no Pod can exhaust what others need.
    "kernel/pid_max": 4_194_304,  # PID_MAX_LIMIT of <linux/threads.h>
    "kernel/threads-max": 4_194_304,
    "fs/file-max": 2**63 - 1,
    "fs/inotify/max_user_instances": 2**31 - 1,
    "fs/inotify/max_user_watches": 2**31 - 1,
}
"""The raised settings. kernel.pty.max is not included: a terminal's memory is not fully charged."""

CHANGED = (
    *RAISED,
    "net/ipv4/ip_forward",  # Pods are routed
    # Changed by the kubelet (setupKernelTunables in pkg/kubelet/cm):
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)


def record(target: Path, root: Path = Path("/proc/sys")) -> None:
    """Write the settings to `target`. Values recorded before are the originals, and stay."""
    values = {name: (root / name).read_text().strip() for name in CHANGED if (root / name).exists()}
    if target.exists():
        values |= json.loads(target.read_text())
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(values, indent=1))


def raise_limits(root: Path = Path("/proc/sys")) -> None:
    """Raise settings that are below RAISED, if the machine allows it (a container may not)."""
    for name, value in RAISED.items():
        try:
            if int((root / name).read_text()) < value:
                (root / name).write_text(str(value))
        except OSError:
            continue


def restore(source: Path, root: Path = Path("/proc/sys")) -> int:
    """Restore what `record` wrote, and return how many settings differed."""
    if not source.exists():
        return 0
    changed = 0
    for name, value in json.loads(source.read_text()).items():
        if (root / name).read_text().strip() != value:
            (root / name).write_text(value)
            changed += 1
    return changed
