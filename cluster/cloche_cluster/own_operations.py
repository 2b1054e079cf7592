"""The operations of the command line on runtimes with packages of the user's choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from cloche_cluster.components.build import ensure_binaries
from cloche_cluster.components.pins import SYFT
from cloche_cluster.errors import ClusterError
from cloche_cluster.images.builds import ensure_images, remove_old
from cloche_cluster.images.sbom import write_sboms
from cloche_cluster.images.table import RUNTIME_BASE
from cloche_cluster.languages import images_for
from cloche_cluster.operations import NO_INSTALLATION, Operations
from cloche_cluster.own.packages import named
from cloche_cluster.own.runtimes import FOLDER, InstalledRuntimes, OwnRuntimes, manifest, outdated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloche_cluster.images.engine import Builder
    from cloche_cluster.images.tags import Tagged
    from cloche_cluster.own.packages import Packages


@dataclass(frozen=True)
class OwnOperations(Operations):
    """All operations; these methods are those on own runtimes."""

    def up(self, *, bare: bool = False, only: str = "") -> None:
        """Start a cluster and install Cloche, and name the own runtimes to build."""
        super().up(bare=bare, only=only)
        if bare or not self._own.names():
            return
        every = self._installed().all()
        for name in outdated(every):
            self.console.step(f"{name} extends an older image: run `make runtime NAME={name}`")
        for name in self._own.names():
            if name not in every:
                self.console.step(f"{name} is not installed: run `make runtime NAME={name}`")

    def runtime(self, name: str, base: str, texts: Mapping[str, str], *, update: bool) -> None:
        """Build and install an own runtime.

        Without a language `base` and packages in `texts`, those of its folder are used. The lock
        files decide on the versions, unless there are none for these packages, or with `update`.
        """
        target = self._choose_again()
        if target is None:
            raise ClusterError(NO_INSTALLATION)
        cluster = self._cluster(target)
        installed = InstalledRuntimes(cluster.access().kubectl)
        before = None if base and any(texts.values()) else self._packages(name, base, texts)
        language = installed.base(name, base or (before.base if before else ""))
        packages = before or named(language["metadata"]["name"], texts)
        with self._lock(target, "make runtime"):
            builder = cluster.builder()
            image = self._base_image(packages.base, language["spec"]["image"], builder)
            if update or not self._own.is_locked(name, packages):
                self._own.lock(name, packages, image.reference, builder)
            tagged = self._own.build(name, packages, image, builder)
            cluster.load_images(builder, cluster.missing_images([tagged.reference]))
            syft = ensure_binaries(self._cache(target), self.console, (SYFT,)).path("syft")
            write_sboms([tagged], builder, syft, self._own.folder / name, self.console)
            remove_old(builder)
        made = manifest(name, language, tagged, packages)
        file = self._own.folder / name / "runtime.yaml"
        file.write_text(yaml.safe_dump(made, sort_keys=False), encoding="utf-8")
        installed.install(made)
        self.console.step(f"{name} is available; its files are in {FOLDER}/{name}")

    def runtimes(self) -> None:
        """Print each own runtime, what it extends, and whether it is installed."""
        every = self._installed().all()
        own = {name for name in every if name in self._installed().own()}
        old = set(outdated(every))
        for name in sorted({*own, *self._own.names()}):
            state = f"not installed (run `make runtime NAME={name}`)"
            if name in own:
                state = (
                    f"to build again (run `make runtime NAME={name}`)"
                    if name in old
                    else "available"
                )
            lists = self._own.packages(name).lists if name in self._own.names() else {}
            words = "; ".join(f"{kind}: {' '.join(words)}" for kind, words in lists.items())
            self.console.plain(f"{name:20} {state}{f'; {words}' if words else ''}")
        if not own and not self._own.names():
            self.console.plain("there are no own runtimes: `make runtime NAME=… FROM=…` makes one")

    def runtime_remove(self, name: str) -> None:
        """Remove an own runtime from the cluster, and keep its folder."""
        self._installed().remove(name)
        self.console.plain(f"removed: the runtime {name}")
        if name in self._own.names():
            self.console.plain(
                f"kept: {FOLDER}/{name} (`make runtime NAME={name}` installs it again)"
            )

    @property
    def _own(self) -> OwnRuntimes:
        return OwnRuntimes(self.checkout.root / FOLDER, self.console)

    def _installed(self) -> InstalledRuntimes:
        return InstalledRuntimes(self._access().kubectl)

    def _packages(self, name: str, base: str, texts: Mapping[str, str]) -> Packages:
        """Return the packages of the folder. Raises ClusterError if arguments are missing."""
        if base or any(texts.values()):
            missing = "at least one package" if base else "the language that it extends, as FROM="
            raise ClusterError(f"name {missing} too, or only NAME={name} to build it again")
        return self._own.packages(name)

    def _base_image(self, language: str, installed: str, builder: Builder) -> Tagged:
        """Return the image of the language. Raises ClusterError if another one is installed."""
        wanted = [
            image
            for image in images_for(self.checkout.root, [language])
            if image.name == RUNTIME_BASE or image.language == language
        ]
        if not any(image.language == language for image in wanted):
            raise ClusterError(f"FROM: this checkout has no language {language}")
        image = ensure_images(self.checkout.root, builder, self.console, wanted)[-1]
        if not installed.endswith(f":{image.tag}"):
            raise ClusterError(
                f"the installed {language} is not that of this checkout: run `make up` first"
            )
        return image
