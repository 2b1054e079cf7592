"""The operations of the command line, from `doctor` to `clean-cache`."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_cluster.components.build import ensure_binaries
from cloche_cluster.components.pins import SYFT
from cloche_cluster.doctor.examine import examine, without_target
from cloche_cluster.doctor.findings import problems, require_no_problem, table
from cloche_cluster.embedded.down import is_there
from cloche_cluster.embedded.settings import Embedded
from cloche_cluster.errors import ClusterError
from cloche_cluster.images.builds import ImageBuilds, ensure_images, remove_old
from cloche_cluster.images.sbom import write_sboms
from cloche_cluster.install.installer import Installer
from cloche_cluster.install.keys import KeyStore
from cloche_cluster.install.release import Release
from cloche_cluster.languages import aliases, chosen, first_images, images_for, languages
from cloche_cluster.machine.facts import require_linux_root
from cloche_cluster.machine.files import user_cache
from cloche_cluster.machine.lock import locked
from cloche_cluster.targets.base import SANDBOX_NAMESPACE
from cloche_cluster.targets.choice import OWN_NAME, Facts, Kind, Target, Wish, choose
from cloche_cluster.targets.embedded import remove_cache
from cloche_cluster.targets.selection import make_cluster, observe

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from datetime import timedelta
    from pathlib import Path

    from cloche_api.keys import KeyLimits
    from cloche_cluster.checkout import Checkout
    from cloche_cluster.console import Console
    from cloche_cluster.images.table import Image
    from cloche_cluster.targets.base import Access, Cluster


NO_INSTALLATION = "there is no installation: run `make up`"
"""The message of an operation that requires one."""


@dataclass(frozen=True)
class Operations:
    """The operations, with what they share: console, checkout, and the value of `CLUSTER=`."""

    console: Console
    wish: Wish
    checkout: Checkout

    def doctor(self) -> None:
        """Look for everything that would prevent `up`, and print all findings."""
        try:
            target = self._choose()
        except ClusterError as error:
            sections = without_target(str(error))
        else:
            self.console.plain(f"cluster: {_described(target)}")
            sections = examine(target, self.checkout, self._images(), self.console)
        for line in table(sections):
            self.console.plain(line)
        found = len(problems(sections))
        if found:
            problem = "1 problem" if found == 1 else f"{found} problems"
            raise ClusterError(f"{problem} must be fixed before `make up`")

    def up(self, *, bare: bool = False, only: str = "") -> None:
        """Start a cluster and, unless `bare`, install Cloche and run the first example.

        `only` names the languages to install, and is remembered; empty means the earlier choice.
        """
        if only:
            self.checkout.remember_languages(chosen(only, aliases(self.checkout.root)))
        target = self._choose()
        self.console.step(f"cluster: {_described(target)}")
        images = () if bare else self._images()
        # The examination is under the lock too: while another `make up` starts a cluster, that
        # cluster's ports would count as taken.
        with self._lock(target, "make up"):
            require_no_problem(examine(target, self.checkout, images, self.console))
            cluster = self._cluster(target)
            if bare:
                access = cluster.prepare()
                cluster.complete()
                self.checkout.remember(target)
                self.console.plain(f"KUBECONFIG={access.kubeconfig}")
            else:
                self._bring_up(target, cluster)

    def down(self) -> None:
        """Remove what `up` created, and print it."""
        target = self._choose_again()
        if target is None:
            self.console.plain("nothing to remove")
            return
        cluster = self._cluster(target)
        with self._lock(target, "make down"):
            gone = self._uninstall(target, cluster)
            gone += cluster.remove()
            self.checkout.forget()
        for what in gone:
            self.console.plain(f"removed: {what}")
        if not gone:
            self.console.plain("nothing to remove")
        self._report_kept(target)

    def images(self) -> None:
        """Build the images, and load them into the cluster that `up` created, if there is one."""
        target = self._choose_again()
        cluster = self._cluster(target or self._choose())
        with self._lock(target or self._choose(), "make images"):
            builder = cluster.builder()
            tagged = ensure_images(self.checkout.root, builder, self.console, self._images())
            if target:
                wanted = [one.reference for one in tagged if one.image.deployed]
                cluster.load_images(builder, cluster.missing_images(wanted))
        for one in tagged:
            self.console.plain(one.reference)

    def sbom(self) -> None:
        """Write an SBOM for each image, building missing images first."""
        target = self._choose_again() or self._choose()
        builder = self._cluster(target).builder()
        with self._lock(target, "make sbom"):
            tagged = ensure_images(self.checkout.root, builder, self.console, self._images())
            syft = ensure_binaries(self._cache(target), self.console, (SYFT,)).path("syft")
            directory = self.checkout.directory / "sbom"
            written = write_sboms(tagged, builder, syft, directory, self.console)
        for path in written:
            self.console.plain(str(path))

    def key(
        self,
        name: str,
        tenant: str | None,
        limits: KeyLimits,
        holds: timedelta | None,
        *,
        replace: bool,
    ) -> None:
        """Create an API key and print it. It is not stored."""
        store = KeyStore(self._access().kubectl)
        text = store.create(name, tenant or name, limits, holds, replace=replace)
        self.console.plain(text)

    def status(self) -> None:
        """Print the state of cluster, Pods and release."""
        target = self._choose_again()
        if target is None:
            raise ClusterError(NO_INSTALLATION)
        self.console.plain(f"cluster: {_described(target)}")
        access = self._access()
        self.console.plain(f"KUBECONFIG={access.kubeconfig}")
        self.console.plain(f"kubectl: {access.kubectl.program}")
        self.console.plain(access.kubectl.run("get", "nodes").rstrip())
        self.console.plain(access.kubectl.run("get", "pods", "-A").rstrip())
        release = Release(access, self.checkout.root, self.console).status()
        info = release.get("info", {}).get("status", "not installed")
        self.console.plain(f"release cloche: {info}")

    def languages(self, *, require_all: bool = False) -> None:
        """Print each language of the checkout and whether it is available.

        With `require_all`, raise ClusterError that names the unavailable ones.
        """
        access = self._access()
        there = Release(access, self.checkout.root, self.console).languages()
        wanted = self.checkout.remembered_languages()
        known = languages(self.checkout.root)
        lacking = [name for name in known if name not in there]
        if require_all and lacking:
            raise ClusterError(
                f"{', '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} not installed: "
                "`make up LANGUAGES=all` installs every language"
            )
        for name in () if require_all else known:
            selected = wanted is None or name in wanted
            absent = "not built yet (run `make up`)" if selected else "not selected (LANGUAGES)"
            self.console.plain(f"{name:12} {'available' if name in there else absent}")

    def clean_cache(self) -> None:
        """Remove what `down` keeps."""
        embedded = Embedded(self.console)
        for cache in (embedded.layout.cache, user_cache()):
            own = cache == embedded.layout.cache and os.access(cache, os.W_OK)
            if own and is_there(embedded):
                raise ClusterError("the embedded cluster uses the cache: run `make down` first")
            if remove_cache(cache):
                self.console.plain(f"removed: {cache}")

    def _bring_up(self, target: Target, cluster: Cluster) -> None:
        """Build images and start the cluster concurrently, then install.

        Once the installer is ready, an interruption leaves a working installation.
        """
        images = self._images()
        first = first_images(images)
        later = [image.name for image in images if image.name not in first]
        with ImageBuilds(
            self.checkout.root, images, cluster.builder, self.console, later
        ) as builds:
            access = cluster.prepare()
            builds.begin_later()
            self.checkout.remember(target)
            wanted = [image.language for image in images if image.language]
            installer = Installer(
                self.checkout, cluster, access, lambda: builds.builder, wanted, self.console
            )
            try:
                installer.first_answer(builds, first)
                installer.add_the_rest(builds, first)
                cluster.complete()
            except KeyboardInterrupt:
                if installer.ready:
                    self.console.plain(f"Cloche is installed with {', '.join(installer.available)}")
                raise
            tagged = builds.built(builds.names)
            remove_old(builds.builder)
        # All that SandboxRuntimes name, because a runtime without a pool has no Pod.
        runtimes = access.kubectl.json("get", "sbr", "-n", SANDBOX_NAMESPACE)["items"]
        used = [one["spec"]["image"] for one in runtimes]
        cluster.prune_images([*(one.reference for one in tagged), *used])

    def _images(self) -> tuple[Image, ...]:
        """Return the images for the chosen languages."""
        return images_for(self.checkout.root, self.checkout.remembered_languages())

    def _uninstall(self, target: Target, cluster: Cluster) -> list[str]:
        """Uninstall, unless the cluster itself is removed."""
        if target.kind is Kind.EMBEDDED:
            return []
        release = Release(cluster.prepare(), self.checkout.root, self.console)
        return release.uninstall(keep_resources=target.kind is Kind.FOREIGN)

    def _choose(self) -> Target:
        return choose(self.wish, Facts() if self.wish is Wish.EMBEDDED else observe())

    def _choose_again(self) -> Target | None:
        """Return the cluster that `up` chose; None if there is none."""
        if self.wish is not Wish.AUTO:
            target = self._choose()
            return target if target.exists else None
        remembered = self.checkout.remembered()
        if remembered:
            return remembered
        there = is_there(Embedded(self.console))
        return Target(Kind.EMBEDDED, OWN_NAME, None) if there else None

    def _cluster(self, target: Target) -> Cluster:
        if target.kind is Kind.EMBEDDED:
            require_linux_root()
        return make_cluster(target, self.checkout.directory, self.console)

    def _access(self) -> Access:
        target = self._choose_again()
        if target is None:
            raise ClusterError(NO_INSTALLATION)
        return self._cluster(target).access()

    def _lock(self, target: Target, what: str) -> AbstractContextManager[None]:
        if target.kind is Kind.EMBEDDED and os.geteuid() != 0:
            return contextlib.nullcontext()  # the work requires root, and fails with that message
        own = Embedded(self.console).lock
        path: Path = own if target.kind is Kind.EMBEDDED else user_cache() / "lock"
        return locked(path, self.console, f"`{what}` of {self.checkout.root}")

    def _cache(self, target: Target) -> Path:
        """Return the directory of built programs and images."""
        own = target.kind is Kind.EMBEDDED
        return Embedded(self.console).layout.cache if own else user_cache()

    def _report_kept(self, target: Target) -> None:
        cache = self._cache(target)
        if cache.is_dir():
            self.console.plain(
                f"kept: {cache} (programs and images; `make clean-cache` removes it)"
            )


def _described(target: Target) -> str:
    if target.kind is Kind.EMBEDDED:
        return "embedded (a single-node Kubernetes on this machine)"
    return f"{target.kind} ({target.name})"
