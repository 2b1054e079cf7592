"""Helm and kubectl for clusters other than the embedded one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.embedded.build import ensure_programs
from cloche_cluster.embedded.pins import component
from cloche_cluster.errors import ClusterError
from cloche_cluster.kubectl import Kubectl
from cloche_cluster.targets.base import Access

if TYPE_CHECKING:
    from cloche_cluster.console import Console


def user_cache() -> Path:
    """Return the cache directory of a user other than root."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "cloche"


def access(context: str, directory: Path, console: Console) -> Access:
    """Return the access to the cluster of `context`, with a separate kubeconfig in `directory`.

    Helm is the machine's own, or built from its pin. Raises ClusterError without kubectl.
    """
    program = shutil.which("kubectl")
    if not program:
        raise ClusterError("kubectl is not installed")
    minified = Kubectl(program, context=context).run(
        "config", "view", "--minify", "--flatten", "--raw"
    )
    kubeconfig = directory / "kubeconfig"
    write_private(kubeconfig, minified)
    return Access(Kubectl(program, kubeconfig), kubeconfig, _helm(console))


def write_private(path: Path, text: str) -> None:
    """Write a file atomically, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    partial.write_text(text)
    partial.replace(path)


def _helm(console: Console) -> Path:
    found = shutil.which("helm")
    if found:
        return Path(found)
    helm = component("helm")
    return ensure_programs(user_cache(), console, (helm,)).path("helm")
