"""The embedded cluster as an installation target."""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloche_cluster.components.build import Binaries, find_binaries
from cloche_cluster.embedded.configure import local_port_holder
from cloche_cluster.embedded.down import down
from cloche_cluster.embedded.node.image_store import ImageStore, image_store
from cloche_cluster.embedded.node.linked_images import LinkedImages
from cloche_cluster.embedded.settings import GATEWAY_LOCAL_PORT, GATEWAY_NODE_PORT, NO_NETWORK
from cloche_cluster.embedded.sweep import unmount_all
from cloche_cluster.embedded.up import add_dns, kubectl, up
from cloche_cluster.images.buildah import Buildah
from cloche_cluster.images.engine import choose_builder
from cloche_cluster.images.table import REPOSITORY_NAME
from cloche_cluster.machine.apt import NODE
from cloche_cluster.machine.facts import require_linux_root
from cloche_cluster.targets.base import ALL_DIALECTS, Access

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cloche_cluster.embedded.settings import Embedded
    from cloche_cluster.images.engine import Builder


HTTPS = 443
"""The port of the Service `kubernetes`, which every API server has besides its own."""


@dataclass(frozen=True)
class EmbeddedCluster:
    """See `Cluster`."""

    embedded: Embedded

    def prepare(self) -> Access:
        """Start the cluster."""
        require_linux_root()
        return self._access(up(self.embedded))

    def complete(self) -> None:
        """Add the cluster's DNS."""
        add_dns(self.embedded)

    def access(self) -> Access:
        """Return the access without changing the cluster."""
        return self._access(self._binaries())

    def builder(self) -> Builder:
        """Return Docker if it answers, else buildah with its store in the cache."""
        return choose_builder(self.embedded.layout.cache, self.embedded.console, with_packages=NODE)

    def missing_images(self, references: Sequence[str]) -> list[str]:
        """Compare with containerd's images."""
        there = image_store(self._binaries(), self.embedded.layout).names()
        return [one for one in references if one not in there]

    def load_images(self, builder: Builder, references: Sequence[str]) -> None:
        """Link the images into containerd if buildah shares its file system, else copy them."""
        layout = self.embedded.layout
        store = image_store(self._binaries(), layout)
        if isinstance(builder, Buildah):
            linked = LinkedImages(builder.root, store)
            if linked.possible(layout.snapshots):
                for reference in references:
                    linked.load(reference)
                return
        self._copy_images(builder, store, references)

    def _copy_images(self, builder: Builder, store: ImageStore, references: Sequence[str]) -> None:
        """Import one archive after the other, while the next one is written."""
        with (
            tempfile.TemporaryDirectory(dir=self.embedded.layout.cache) as temporary,
            ThreadPoolExecutor(1) as ahead,
        ):
            archives = [Path(temporary) / f"{number}.tar" for number in range(len(references))]
            written = [
                ahead.submit(builder.save, [reference], archive)
                for reference, archive in zip(references, archives, strict=True)
            ]
            try:
                for done, archive in zip(written, archives, strict=True):
                    done.result()
                    store.load(archive)
                    archive.unlink()
            finally:
                ahead.shutdown(cancel_futures=True)

    def prune_images(self, keep: Sequence[str]) -> None:
        """Remove older versions from containerd."""
        binaries = self._binaries()
        path = "jsonpath={.items[*].spec.containers[*].image}"
        used = kubectl(self.embedded, binaries).run("get", "pods", "-A", "-o", path).split()
        store = image_store(binaries, self.embedded.layout)
        store.remove(stale_images(store.names(), [*keep, *used]))

    def values(self) -> dict[str, Any]:
        """Return a NodePort, all dialects, a RuntimeClass without a network, and some ports."""
        service = {"type": "NodePort", "nodePort": GATEWAY_NODE_PORT}
        api_server = {"ports": [HTTPS, self.embedded.ports.api]}
        return {
            "gateway": {"service": service, "dialects": ALL_DIALECTS},
            "sandbox": {"runtimeClassName": NO_NETWORK},
            "networkPolicy": {"apiServer": api_server},
        }

    def expose(self, access: Access) -> str:
        """Return the URL on localhost, or on the node if another process uses localhost's port."""
        del access  # supervisord already runs the relay
        holder = local_port_holder()
        if holder:
            url = f"http://{self.embedded.addresses.node}:{GATEWAY_NODE_PORT}"
            self.embedded.console.step(
                f"port {GATEWAY_LOCAL_PORT} is in use by {holder}; the gateway is at {url}"
            )
            return url
        return f"http://localhost:{GATEWAY_LOCAL_PORT}"

    def remove(self) -> list[str]:
        """Remove the cluster."""
        return down(self.embedded)

    def _binaries(self) -> Binaries:
        return find_binaries(self.embedded.layout.cache)

    def _access(self, binaries: Binaries) -> Access:
        admin = kubectl(self.embedded, binaries)
        return Access(admin, self.embedded.layout.admin, binaries.path("helm"))


def stale_images(there: Iterable[str], needed: Iterable[str]) -> list[str]:
    """Select Cloche's unused images; names in `needed` may lack the registry."""
    names = set(needed)
    registry = "docker.io/"
    return sorted(
        name
        for name in there
        if name.startswith(f"{REPOSITORY_NAME}/")
        and not {name, name.removeprefix(registry)} & names
    )


def remove_cache(cache: Path) -> bool:
    """Remove programs, images and build layers; return whether there were any."""
    if not cache.is_dir():
        return False
    unmount_all((cache,))
    shutil.rmtree(cache)
    return True
