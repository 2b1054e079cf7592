"""Helm and kubectl for clusters other than the embedded one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.components.build import ensure_binaries
from cloche_cluster.components.pins import component
from cloche_cluster.errors import ClusterError
from cloche_cluster.kubectl import Kubectl
from cloche_cluster.machine.files import user_cache, write_private
from cloche_cluster.targets.base import Access

if TYPE_CHECKING:
    from cloche_cluster.console import Console


def access(context: str, directory: Path, console: Console) -> Access:
    """Return the access to the cluster of `context`, with a separate kubeconfig in `directory`.

    Helm is the machine's own, or built from its pin. Raises ClusterError without kubectl.
    """
    program = shutil.which("kubectl")
    if not program:
        raise ClusterError("kubectl is not installed: install it")
    minified = Kubectl(program, context=context).run(
        "config", "view", "--minify", "--flatten", "--raw"
    )
    kubeconfig = directory / "kubeconfig"
    write_private(kubeconfig, minified)
    return Access(Kubectl(program, kubeconfig), kubeconfig, _helm(console))


def _helm(console: Console) -> Path:
    found = shutil.which("helm")
    if found:
        return Path(found)
    helm = component("helm")
    return ensure_binaries(user_cache(), console, (helm,)).path("helm")
