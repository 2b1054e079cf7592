"""Render and install the chart with the pinned Helm."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from support.data.names import CHART, SYSTEM

from cloche_cluster.components.build import ensure_binaries
from cloche_cluster.components.pins import component
from cloche_cluster.console import Console
from cloche_cluster.embedded.layout import Layout

Manifest = dict[str, Any]


_READY = ("--wait", "--timeout", "110s")


@functools.cache
def program() -> Path:
    """Return the pinned Helm, built if the cache lacks it."""
    return ensure_binaries(Layout().cache, Console(), (component("helm"),)).path("helm")


def helm(*args: str, kubeconfig: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run Helm without the cluster of the caller's environment."""
    env = {"HOME": "/nonexistent", "PATH": "/usr/bin:/bin", "HELM_CACHE_HOME": "/nonexistent"}
    env["KUBECONFIG"] = str(kubeconfig or "/nonexistent")
    return subprocess.run(
        [str(program()), *args], capture_output=True, text=True, check=False, timeout=120, env=env
    )


@contextmanager
def other_values(kubeconfig: Path, *values: str) -> Iterator[None]:
    """Change values (`--set`) of the release that `make up` installed, for the block."""

    def run(*words: str) -> None:
        done = helm(*words, "-n", SYSTEM, *_READY, kubeconfig=kubeconfig)
        assert done.returncode == 0, done.stderr

    sets = [word for value in values for word in ("--set", value)]
    try:
        run("upgrade", "cloche", str(CHART), "--skip-crds", "--reuse-values", *sets)
        yield
    finally:
        run("rollback", "cloche")


@functools.cache
def rendered(*sets: str, kube_version: str = "1.36.0") -> tuple[Manifest, ...]:
    """Return every object of the chart, with values in the form of `helm --set-json`."""
    done = template(*sets, kube_version=kube_version)
    assert done.returncode == 0, done.stderr
    return tuple(one for one in yaml.safe_load_all(done.stdout) if one)


def template(*sets: str, kube_version: str = "1.36.0") -> subprocess.CompletedProcess[str]:
    """Run `helm template`."""
    values = [word for one in sets for word in ("--set-json", one)]
    return helm(
        "template", "cloche", str(CHART), "-n", SYSTEM, "--kube-version", kube_version, *values
    )


def refusal(*sets: str) -> str:
    """Return Helm's error about these values; accepting them fails the test."""
    done = template(*sets)
    assert done.returncode != 0, f"accepted: {sets}"
    return done.stderr


def the(kind: str, name: str, *sets: str, namespace: str | None = None) -> Manifest:
    """Return the only object of that kind and name."""
    found = [
        one
        for one in rendered(*sets)
        if one["kind"] == kind
        and one["metadata"]["name"] == name
        and namespace in {None, one["metadata"].get("namespace")}
    ]
    assert len(found) == 1, f"{kind} {name}: {len(found)} of them"
    return found[0]


def has_value(path: str) -> bool:
    """Return whether the chart's values.yaml has the value at a path such as `gateway.replicas`."""
    found = yaml.safe_load((CHART / "values.yaml").read_text())
    for name in path.split("."):
        if name not in found:
            return False
        found = found[name]
    return True


def kinds(kind: str, *sets: str) -> dict[str, Manifest]:
    """Return all objects of a kind, by name."""
    return {one["metadata"]["name"]: one for one in rendered(*sets) if one["kind"] == kind}
