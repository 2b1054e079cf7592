"""Two revisions on one cluster: built once, installed alternately, this checkout again at the end.

This module contains all uses of `cloche_cluster` by the benchmarks, always from this checkout. The
other revision provides its images, chart and CRDs, but not its cluster.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from access.installation import ROOT, Installation, installation
from progress import BenchError, say
from revisions.trees import snapshot, work_tree

from cloche_cluster.checkout import Checkout
from cloche_cluster.console import Console
from cloche_cluster.embedded.settings import Embedded
from cloche_cluster.errors import ClusterError
from cloche_cluster.images.builds import ensure_images
from cloche_cluster.images.table import RUNTIME_BASE, discover
from cloche_cluster.install.example import wait_until_ready
from cloche_cluster.install.installer import Installer
from cloche_cluster.machine.files import user_cache
from cloche_cluster.machine.lock import locked
from cloche_cluster.operations import Operations
from cloche_cluster.targets.choice import Kind, Target, Wish
from cloche_cluster.targets.selection import make_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from cloche_cluster.images.tags import Tagged
    from cloche_cluster.targets.base import Access, Cluster

LANGUAGE = "python"
"""The only language installed during a comparison, because each upgrade replaces the waiting Pods
of every language, and each language's image would have to be built."""
_IMAGES = ("gateway", "operator", RUNTIME_BASE, f"runtime-{LANGUAGE}")


@dataclass(frozen=True)
class Revision:
    """A revision whose images are on the node."""

    name: str
    root: Path
    tagged: tuple[Tagged, ...]
    runtime_class: str | None = None
    """The RuntimeClass of its sandbox Pods; by default that of the cluster."""


@dataclass
class Turns:
    """Installs the revisions alternately. The images of both stay on the node."""

    cluster: Cluster
    access: Access
    console: Console
    changed: bool = False
    """Whether another installation than `make up`'s has been installed."""

    def build(
        self, name: str, source: Path, root: Path, runtime_class: str | None = None
    ) -> Revision:
        """Build a revision's images from `source`; `root` has its other files.

        Raises:
            ClusterError: a build failed.
        """
        say(f"building the missing images of {name}")
        images = [image for image in discover(source) if image.name in _IMAGES]
        tagged = ensure_images(source, self.cluster.builder(), self.console, images)
        return Revision(name, root, tagged, runtime_class)

    def install(self, revision: Revision, turn: int) -> Installation:
        """Install a revision; gateway and operator get new Pods even if nothing differs.

        Raises:
            ClusterError: it cannot be installed on this cluster.
        """
        self.changed = True
        installer = Installer(
            Checkout(revision.root),
            self.cluster,
            self.access,
            self.cluster.builder,
            [LANGUAGE],
            self.console,
        )
        installer.install(revision.tagged, values_of_turn(turn, revision.runtime_class))
        url = self.cluster.expose(self.access)
        wait_until_ready(url)
        to = installation()
        return Installation(url, to.key, to.kubeconfig)


@contextmanager
def two_revisions(
    base: str, commit: str, runtime_class: str | None
) -> Iterator[tuple[Turns, Revision, Revision]]:
    """Build the base, with this name and commit, and this checkout in its present state.

    `runtime_class`: the RuntimeClass of the base's sandbox Pods, if it is another one.

    At the end of the block, the base's files are removed and this checkout is installed again, even
    after an error.

    Raises:
        BenchError: this checkout has installed nothing, the CRDs are incompatible, or this checkout
            could not be installed again.
        ClusterError: something could not be built or installed.
    """
    target = Checkout().remembered()
    if target is None:
        raise BenchError("This checkout has no installation: run `make up` first.")
    console = _Progress(stream=sys.stderr)
    cluster = make_cluster(target, Checkout().directory, console)
    turns = Turns(cluster, cluster.access(), console)
    try:
        # Keeps `make up` and `make down` of other checkouts out.
        with _lock(target, console), work_tree(commit) as tree, snapshot() as here:
            if conflict := crd_conflict(crds(tree), crds(here)):
                raise BenchError(f"BASE={base} and this checkout cannot take turns: {conflict}")
            first = turns.build(base, tree, tree, runtime_class)
            yield turns, first, turns.build("this checkout", ROOT, here)
    finally:
        if turns.changed:
            _install_again(target, console)


def values_of_turn(turn: int, runtime_class: str | None = None) -> dict[str, Any]:
    """Return the chart's values for a turn: an annotation that forces new Pods, and the class."""
    mark = {"podAnnotations": {"cloche.dev/bench-turn": str(turn)}}
    values: dict[str, Any] = {"gateway": mark, "operator": mark}
    if runtime_class:
        values["sandbox"] = {"runtimeClassName": runtime_class}
    return values


def crds(root: Path) -> list[dict[str, Any]]:
    """Return the CRDs of a checkout."""
    paths = sorted((root / "crds").glob("*.yaml"))
    return [yaml.safe_load(path.read_text(encoding="utf-8")) for path in paths]


def crd_conflict(base: list[dict[str, Any]], here: list[dict[str, Any]]) -> str | None:
    """Return why the API server would reject one revision's CRDs after the other's, or None.

    Fields may differ, because both revisions' objects are created anew in each turn.
    """
    of_base, of_here = ({crd["metadata"]["name"]: crd["spec"] for crd in of} for of in (base, here))
    for name in sorted(of_base.keys() & of_here.keys()):
        before, after = of_base[name], of_here[name]
        if before["scope"] != after["scope"]:
            return f"{name} is {before['scope']} in the one and {after['scope']} in the other."
        for one, other in ((before, after), (after, before)):
            if (stored := _stored(one)) not in {version["name"] for version in other["versions"]}:
                return f"one stores {name} as {stored}, which the other does not have."
    return None


def _stored(spec: Mapping[str, Any]) -> str:
    """Return a CRD's storage version."""
    return str(next(version["name"] for version in spec["versions"] if version["storage"]))


class _Progress(Console):
    """Prints the steps of `make up` as progress lines of the benchmark."""

    def step(self, text: str) -> None:
        """Print one step."""
        say(text)


def _install_again(target: Target, console: Console) -> None:
    """Run `make up` on the cluster that it chose."""
    say("installing this checkout again, like `make up`")
    wish = Wish.CURRENT if target.kind is Kind.FOREIGN else Wish(target.kind.value)
    try:
        Operations(console, wish, Checkout()).up()
    except ClusterError as error:
        raise BenchError(
            f"This checkout could not be installed again: {error}. Run `make up`."
        ) from error
    except KeyboardInterrupt:
        say("interrupted before this checkout was installed again: run `make up`")
        raise


def _lock(target: Target, console: Console) -> AbstractContextManager[None]:
    """Return the lock of `make up` and `make down`."""
    own = Embedded(console).lock if target.kind is Kind.EMBEDDED else user_cache() / "lock"
    return locked(own, console, f"a comparison of revisions in {ROOT}")
