"""Observe the facts on which the choice of the cluster depends, and create the chosen one."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from cloche_cluster.embedded.settings import Addresses, Embedded, Ports
from cloche_cluster.images.docker import docker_answers
from cloche_cluster.machine.command import answers
from cloche_cluster.targets.choice import EMBEDDED_CONTEXT, Facts, Kind, Target
from cloche_cluster.targets.embedded import EmbeddedCluster
from cloche_cluster.targets.foreign import ForeignCluster
from cloche_cluster.targets.local_tools import KIND_TOOL, MINIKUBE_TOOL, LocalToolCluster

if TYPE_CHECKING:
    from pathlib import Path

    from cloche_cluster.console import Console
    from cloche_cluster.targets.base import Cluster

_LOOK_SECONDS = 10.0
_ANSWER_SECONDS = "5s"


def observe() -> Facts:
    """Read kubectl's context, Docker, kind and minikube. Nothing is changed."""
    context = (_look("kubectl", "config", "current-context") or "").strip() or None
    ready = context and _look(
        "kubectl", "get", "--raw", "/readyz", f"--request-timeout={_ANSWER_SECONDS}"
    )
    return Facts(
        context=context,
        answers=bool(ready),
        embedded_server=context == EMBEDDED_CONTEXT and _server() == _embedded_url(),
        docker_answers=docker_answers(),
        kind_clusters=_kind_clusters(),
        minikube_profiles=_minikube_profiles(),
    )


def _look(*words: str) -> str | None:
    return answers(words, timeout=_LOOK_SECONDS) if shutil.which(words[0]) else None


def _server() -> str:
    path = "jsonpath={.clusters[0].cluster.server}"
    return (_look("kubectl", "config", "view", "--minify", "-o", path) or "").strip()


def _embedded_url() -> str:
    return f"https://{Addresses().node}:{Ports().api}"


def _kind_clusters() -> tuple[str, ...] | None:
    if not shutil.which("kind"):
        return None
    return tuple((_look("kind", "get", "clusters", "-q") or "").split())


def _minikube_profiles() -> tuple[str, ...] | None:
    if not shutil.which("minikube"):
        return None
    try:
        listed = json.loads(_look("minikube", "profile", "list", "-o", "json") or "{}")
    except ValueError:
        return ()
    return tuple(profile["Name"] for profile in listed.get("valid", []))


def make_cluster(target: Target, directory: Path, console: Console) -> Cluster:
    """Return the cluster for `target`; `directory` is the checkout's `.cloche`."""
    if target.kind is Kind.EMBEDDED:
        return EmbeddedCluster(Embedded(console))
    if target.kind is Kind.FOREIGN:
        return ForeignCluster(target.context or "", directory, console)
    tool = KIND_TOOL if target.kind is Kind.KIND else MINIKUBE_TOOL
    return LocalToolCluster(tool, target, directory, console)
