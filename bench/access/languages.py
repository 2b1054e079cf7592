"""The installed languages: a hello world in each, and how many Pods wait."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from access.installation import ROOT

from cloche_kube.client import MERGE_PATCH

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from access.server import Cluster


@dataclass(frozen=True)
class Hello:
    """The first example of a language, and what it prints."""

    code: str
    stdout: str


def hello(runtime: dict[str, Any]) -> Hello:
    """Return the hello world of a SandboxRuntime that this checkout has."""
    suffix = Path(runtime["spec"]["fileName"]).suffix
    example = ROOT / "runtimes" / runtime["metadata"]["name"] / "examples" / "hello.yaml"
    stdout: str = yaml.safe_load(example.read_text(encoding="utf-8"))["stdout"]
    return Hello(example.with_suffix(suffix).read_text(encoding="utf-8"), stdout)


def prestarts(runtime: dict[str, Any]) -> bool:
    """Return whether processes of a SandboxRuntime wait in its Pods for a program.

    An installation without `spec.prestart` has none.
    """
    return bool((runtime["spec"].get("prestart") or {}).get("enabled"))


@asynccontextmanager
async def pool(cluster: Cluster, name: str, size: int) -> AsyncIterator[None]:
    """Set the size of a runtime's pool for the block."""
    before = (await cluster.runtime(name))["spec"]["pool"]["size"]
    await _resize(cluster, name, size)
    try:
        yield
    finally:
        await _resize(cluster, name, before)


async def _resize(cluster: Cluster, name: str, size: int) -> None:
    patch = {"spec": {"pool": {"size": size}}}
    path = f"{cluster.runtimes}/{name}"
    await cluster.rest.call("PATCH", path, body=patch, content_type=MERGE_PATCH)
