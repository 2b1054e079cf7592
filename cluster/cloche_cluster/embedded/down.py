"""Remove the embedded cluster; only its cache stays."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from cloche_cluster.embedded import policy_engine, sweep
from cloche_cluster.embedded.node import network, sysctls
from cloche_cluster.embedded.node.mount_points import remove_made

if TYPE_CHECKING:
    from pathlib import Path

    from cloche_cluster.embedded.settings import Embedded


def down(cluster: Embedded) -> list[str]:
    """Kill every program, remove all that `up` created, and return descriptions of it.

    The caller holds the lock. Programs and images in the cache stay. Leftovers of an interrupted
    `up` or `down` are removed in the same way.
    """
    layout = cluster.layout
    gone: list[str] = []
    directories = [one for one in (layout.state, layout.log, layout.run) if _has_content(one)]
    swept = sweep.sweep(layout)
    if swept.processes or swept.mounts or swept.cgroups:
        gone.append(str(swept))
    gone += policy_engine.remove_rules(cluster.addresses)
    gone += network.remove(cluster.addresses)
    restored = sysctls.restore(layout.sysctls)
    if restored:
        gone.append(f"changes of {restored} kernel settings")
    remove_made(layout)
    for directory in (layout.log, layout.run, layout.state):  # `is_there` needs the state
        shutil.rmtree(directory, ignore_errors=not directory.is_dir())
    return gone + [str(directory) for directory in directories]


def _has_content(directory: Path) -> bool:
    """Return whether a directory contains more than the lock, which belongs to the caller."""
    return directory.is_dir() and any(entry.name != "lock" for entry in directory.iterdir())


def is_there(cluster: Embedded) -> bool:
    """Return whether anything of the embedded cluster is on this machine."""
    layout = cluster.layout
    return layout.state.exists() or bool(sweep.find_processes(layout))
