"""The kernel's settings that the cluster changes, kept so that `down` puts them back."""

from __future__ import annotations

import json
from pathlib import Path

CHANGED = (
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
    """Write the settings to `target`, unless an earlier start did: those are the machine's own."""
    if target.exists():
        return
    values = {name: (root / name).read_text().strip() for name in CHANGED if (root / name).exists()}
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(values, indent=1))


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
