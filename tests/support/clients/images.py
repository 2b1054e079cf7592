"""Images for tests only, built and loaded as by `make up`."""

from __future__ import annotations

from pathlib import Path

from support.data.names import ROOT

from cloche_cluster.checkout import Checkout
from cloche_cluster.console import Console
from cloche_cluster.targets.selection import make_cluster


def load(name: str, context: Path, base: str) -> str:
    """Build an image from `base`, load it into the cluster, and return its reference."""
    checkout = Checkout(ROOT)
    target = checkout.remembered()
    assert target is not None, "there is no cluster: run `make up` first"
    cluster = make_cluster(target, checkout.directory, Console())
    builder = cluster.builder()
    reference = f"docker.io/cloche/{name}:test"
    builder.build(context, Path("Dockerfile"), reference, {"BASE": base})
    cluster.load_images(builder, [reference])
    return reference
