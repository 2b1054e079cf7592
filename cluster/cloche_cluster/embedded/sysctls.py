"""The kernel's settings that the cluster changes, kept so that `down` puts them back."""

from __future__ import annotations

import json
from pathlib import Path

RAISED = {
    # What the kernel counts for the whole machine, or for root, in whose name user namespaces are
    # made. Each of these is memory that a Pod's control group is charged for: with the count out of
    # the way the Pods' memory is the limit, and no Pod can take what others need.
    "kernel/pid_max": 4_194_304,  # PID_MAX_LIMIT of <linux/threads.h>
    "kernel/threads-max": 4_194_304,
    "fs/file-max": 2**63 - 1,
    "fs/inotify/max_user_instances": 2**31 - 1,
    "fs/inotify/max_user_watches": 2**31 - 1,
}
"""What is raised to these values. Not kernel.pty.max: terminals are charged to nobody in full."""

CHANGED = (
    *RAISED,
    "net/ipv4/ip_forward",  # Pods are routed
    # The kubelet's own (setupKernelTunables in pkg/kubelet/cm):
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)


def record(target: Path, root: Path = Path("/proc/sys")) -> None:
    """Write the settings to `target`. What an earlier start wrote is the machine's, and stays."""
    values = {name: (root / name).read_text().strip() for name in CHANGED if (root / name).exists()}
    if target.exists():
        values |= json.loads(target.read_text())
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(values, indent=1))


def raise_limits(root: Path = Path("/proc/sys")) -> None:
    """Raise what is below RAISED, where the machine lets us (a container may not)."""
    for name, value in RAISED.items():
        try:
            if int((root / name).read_text()) < value:
                (root / name).write_text(str(value))
        except OSError:
            continue


def restore(source: Path, root: Path = Path("/proc/sys")) -> int:
    """Put back what `record` wrote; returns how many settings differed."""
    if not source.exists():
        return 0
    changed = 0
    for name, value in json.loads(source.read_text()).items():
        if (root / name).read_text().strip() != value:
            (root / name).write_text(value)
            changed += 1
    return changed
