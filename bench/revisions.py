"""Two revisions on one cluster: built once, installed in turns, this checkout's own at the end.

Everything that the benchmarks use of `cloche_cluster` is here, and it is this checkout's: the other
revision gives its images, its chart and its CRDs, and never its cluster.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml
from installation import ROOT, Installation, installation
from progress import BenchError, say
from trees import commit_of, snapshot, work_tree

from cloche_cluster.checkout import Checkout
from cloche_cluster.choice import Kind, Target, Wish
from cloche_cluster.console import Console
from cloche_cluster.embedded.context import Embedded
from cloche_cluster.embedded.lock import locked
from cloche_cluster.errors import ClusterError
from cloche_cluster.images.ensure import Tagged, ensure_images
from cloche_cluster.install.example import wait_until_ready
from cloche_cluster.install.release import Release
from cloche_cluster.install.user_namespaces import user_namespaces
from cloche_cluster.operations import Operations, merged
from cloche_cluster.targets.factory import make_cluster
from cloche_cluster.targets.tools import user_cache

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from cloche_cluster.targets.base import Access, Cluster

LANGUAGE = "python"
"""The only language that is installed while two revisions take turns: each upgrade replaces the
waiting Pods of every one, and its image would have to be built."""
_IMAGES = ("gateway", "operator", f"runtime-{LANGUAGE}")


@dataclass(frozen=True)
class Revision:
    """A revision whose images are on the node."""

    name: str
    root: Path
    tagged: tuple[Tagged, ...]


@dataclass
class Turns:
    """Installs one revision after the other. The images of both stay on the node."""

    cluster: Cluster
    access: Access
    console: Console = field(default_factory=lambda: _Progress(stream=sys.stderr))
    changed: bool = False
    """Whether anything but `make up`'s own installation has been installed."""

    def build(self, name: str, source: Path, root: Path) -> Revision:
        """Build a revision's images from `source` and bring them to the node.

        Raises:
            ClusterError: a build failed.
        """
        say(f"building the images of {name}, as far as they are not there")
        tagged = ensure_images(source, self.cluster.builder(), self.console, only=_IMAGES)
        revision = Revision(name, root, tagged)
        self._load(revision)
        return revision

    def install(self, revision: Revision, turn: int) -> Installation:
        """Install a revision, with new Pods for gateway and operator even where nothing differs.

        Raises:
            ClusterError: it cannot be installed on this cluster.
        """
        self.changed = True
        self._load(revision)
        release = Release(self.access, revision.root, self.console)
        release.apply_crds()
        tags = {one.image.name: one.tag for one in revision.tagged if one.image.deployed}
        own = values_of_turn(revision.root, turn)
        values = merged(self.cluster.values(), {"image": {"tags": tags}}, own)
        namespaces = user_namespaces(self.access.kubectl, values, self.console)
        release.upgrade(merged(values, namespaces))
        url = self.cluster.expose(self.access)
        wait_until_ready(url)
        to = installation()
        return Installation(url, to.key, to.kubeconfig)

    def _load(self, revision: Revision) -> None:
        wanted = [one.reference for one in revision.tagged if one.image.deployed]
        if missing := self.cluster.missing_images(wanted):
            self.cluster.load_images(self.cluster.builder(), missing)


@contextmanager
def two_revisions(base: str) -> Iterator[tuple[Turns, Revision, Revision]]:
    """Build the base, a revision as git names it, and this checkout as it is now.

    However the block ends, the base's files are removed and this checkout is installed again.

    Raises:
        BenchError: there is no such revision, this checkout has installed nothing, the CRDs do not
            fit together, or this checkout could not be installed again.
        ClusterError: something could not be built or installed.
    """
    commit = commit_of(base)
    target = Checkout().remembered()
    if target is None:
        raise BenchError("This checkout has installed nothing: run `make up` first.")
    cluster = make_cluster(target, Checkout().directory, _Progress(stream=sys.stderr))
    turns = Turns(cluster, cluster.access())
    try:
        # No `make up` or `make down` of another checkout comes in between.
        with _lock(target, turns.console), work_tree(commit) as tree, snapshot() as here:
            if conflict := crd_conflict(crds(tree), crds(here)):
                raise BenchError(f"BASE={base} and this checkout cannot take turns: {conflict}")
            revisions = turns.build(base, tree, tree), turns.build("this checkout", ROOT, here)
            yield turns, *revisions
    finally:
        if turns.changed:
            _install_again(target, turns.console)


def values_of_turn(root: Path, turn: int) -> dict[str, Any]:
    """The chart's values of a turn, beside the cluster's own: its Pods differ by an annotation."""
    mark = {"podAnnotations": {"cloche.dev/bench-turn": str(turn)}}
    languages = sorted(path.parent.name for path in root.glob("runtimes/*/runtime.yaml"))
    disabled = [name for name in languages if name != LANGUAGE]
    return {"gateway": mark, "operator": mark, "runtimes": {"disabled": disabled}}


def crds(root: Path) -> list[dict[str, Any]]:
    """The CRDs of a checkout."""
    paths = sorted((root / "crds").glob("*.yaml"))
    return [yaml.safe_load(path.read_text(encoding="utf-8")) for path in paths]


def crd_conflict(base: list[dict[str, Any]], here: list[dict[str, Any]]) -> str | None:
    """Why the API server would not take one's CRDs after the other's, or back; None if it would.

    Fields may differ: both revisions' objects are made anew in each turn.
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
    """The version in which the API server keeps the objects of a CRD."""
    return str(next(version["name"] for version in spec["versions"] if version["storage"]))


class _Progress(Console):
    """The steps of `make up` among a benchmark's own lines."""

    def step(self, text: str) -> None:
        """Print one step."""
        say(text)


def _install_again(target: Target, console: Console) -> None:
    """Do what `make up` does, on the cluster that it chose."""
    say("installing this checkout again, as `make up` does")
    wish = Wish.CURRENT if target.kind is Kind.FOREIGN else Wish(target.kind.value)
    try:
        Operations(console, wish, Checkout()).up()
    except ClusterError as error:
        raise BenchError(
            f"This checkout could not be installed again, `make up` will do it: {error}"
        ) from error
    except KeyboardInterrupt:
        say("interrupted before this checkout was installed again: run `make up`")
        raise


def _lock(target: Target, console: Console) -> AbstractContextManager[None]:
    """The lock of `make up` and `make down`."""
    own = Embedded(console).lock if target.kind is Kind.EMBEDDED else user_cache() / "lock"
    return locked(own, console, f"a comparison of revisions in {ROOT}")
