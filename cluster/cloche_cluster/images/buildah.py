"""Build images with buildah, without a daemon."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.images.debian import OWN_NAME, write_root
from cloche_cluster.images.oci import OciLayout
from cloche_cluster.images.table import BUILD_TIMEOUT, DEBIAN, REPOSITORY_NAME
from cloche_cluster.machine.command import answers, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KEPT_VERSIONS = 4
"""Number of versions of an image that buildah's store keeps."""

_SAVE_TIMEOUT = 600.0
_LOOK_TIMEOUT = 30.0

_EXPORTED = "localhost/cloche/exported:latest"
"""The name of an image whose files are exported, until it is removed."""

_CA_IN_BUILD = "/run/build-ca.crt"
"""The path at which a build finds the machine's certificate authorities, if it needs them."""


@dataclass(frozen=True)
class Buildah:
    """buildah as root, with a separate store in `root`.

    Each call gets a new mount namespace, so that a killed build leaves no mount.
    """

    root: Path
    runroot: Path

    def debian_id(self) -> str | None:
        """Return the image's id. Nothing is pulled."""
        return self._id(OWN_NAME)

    def references(self) -> set[str]:
        """Return the full names, with tags, of all images in the store."""
        return set(self._listed())

    def build(
        self,
        context: Path,
        dockerfile: Path,
        reference: str,
        arguments: Mapping[str, str],
        *,
        idle: bool = False,
    ) -> None:
        """Build with `buildah build` and chroot isolation, without a new network or cgroup."""
        flags = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        self._run(
            "build", "--isolation", "chroot", "--network", "host", "--layers", "--pull-never",
            *_own_ca(), *flags, "-t", reference, "-f", str(context / dockerfile), str(context),
            timeout=BUILD_TIMEOUT, idle=idle,
        )  # fmt: skip

    def export(
        self, context: Path, dockerfile: Path, target: Path, arguments: Mapping[str, str]
    ) -> None:
        """Build with `buildah build --output`, and keep no image."""
        flags = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        try:
            self._run(
                "build", "--isolation", "chroot", "--network", "host", "--no-cache", "--pull-never",
                *_own_ca(), *flags, "-t", _EXPORTED, "--output", f"type=local,dest={target}",
                "-f", str(context / dockerfile), str(context),
                timeout=BUILD_TIMEOUT,
            )  # fmt: skip
        finally:
            answers(self._argv("rmi", _EXPORTED), timeout=_LOOK_TIMEOUT)

    def make_debian(self) -> None:
        """Create the Debian base image, and tag it as the image that others would pull."""
        with tempfile.TemporaryDirectory(dir=self.root.parent, prefix=".debian-") as temporary:
            tree = Path(temporary) / "root.tar"
            write_root(tree)
            self._import_root(tree, OWN_NAME)
        self._run("tag", OWN_NAME, f"docker.io/library/{DEBIAN}", timeout=_LOOK_TIMEOUT)

    def _import_root(self, tree: Path, reference: str) -> None:
        """Create an image of one layer from the archive of a root directory."""
        with tempfile.TemporaryDirectory() as temporary:
            context = Path(temporary)
            (context / "root.tar").hardlink_to(tree)
            (context / "Dockerfile").write_text('FROM scratch\nADD root.tar /\nCMD ["bash"]\n')
            self._run(
                "build", "--isolation", "chroot", "-t", reference, temporary, timeout=_SAVE_TIMEOUT
            )

    def remove_leftovers(self) -> None:
        """Remove the working containers of interrupted builds."""
        self._run("rm", "--all", timeout=_LOOK_TIMEOUT)

    def save(self, references: Iterable[str], archive: Path) -> None:
        """Write an OCI archive, in which shared layers appear once and uncompressed.

        It goes through buildah's `dir:` format, because buildah's OCI writer compresses every
        layer, which takes three times as long and has no benefit on the same machine.
        """
        with tempfile.TemporaryDirectory(dir=archive.parent) as temporary:
            layout = OciLayout(Path(temporary) / "layout")
            for number, reference in enumerate(references):
                plain = Path(temporary) / str(number)
                self._run("push", "-q", "-D", reference, f"dir:{plain}", timeout=_SAVE_TIMEOUT)
                layout.add(plain, reference)
            layout.write(archive)

    def remove_old(self) -> None:
        """Remove all but the newest few versions of each of Cloche's images.

        Several are kept, because other checkouts and branches build into the same store.
        """
        for reference in older_versions(self._listed()):
            answers(self._argv("rmi", reference), timeout=_LOOK_TIMEOUT)

    def push(self, reference: str, target: str) -> None:
        """Push to a registry."""
        self._run("push", "-q", reference, f"docker://{target}", timeout=_SAVE_TIMEOUT)

    def _id(self, reference: str) -> str | None:
        look = self._argv("images", "--no-trunc", "--format", "{{.ID}}", reference)
        return (answers(look, timeout=_LOOK_TIMEOUT) or "").strip() or None

    def _listed(self) -> list[str]:
        """Return the full names of all images, the newest first."""
        listed = self._run("images", "--format", "{{.Name}}:{{.Tag}}", timeout=_LOOK_TIMEOUT)
        return listed.split()

    def _run(self, *words: str, timeout: float, idle: bool = False) -> str:
        # SCHED_IDLE of sched(7): even the lowest niceness would take a tenth of the compilers'
        # time.
        policy = ["chrt", "--idle", "0"] if idle else []
        return run([*policy, *self._argv(*words)], timeout=timeout)

    def _argv(self, *words: str) -> list[str]:
        store = ["--root", str(self.root), "--runroot", str(self.runroot)]
        return ["unshare", "--mount", "buildah", *store, "--storage-driver", "overlay", *words]


def _own_ca() -> list[str]:
    """Return flags that give pip and npm the machine's certificate authorities, if PIP_CERT is set.

    They are mounted read-only, so that they do not become part of the image.
    """
    bundle = os.environ.get("PIP_CERT")
    if not bundle:
        return []
    return [
        f"--volume={Path(bundle).resolve()}:{_CA_IN_BUILD}:ro",
        f"--build-arg=PIP_CERT={_CA_IN_BUILD}",
        f"--build-arg=NODE_EXTRA_CA_CERTS={_CA_IN_BUILD}",
    ]


def older_versions(references: Iterable[str], kept: int = KEPT_VERSIONS) -> list[str]:
    """Select Cloche's images, listed newest first, that have `kept` newer versions."""
    seen: Counter[str] = Counter()
    older = []
    for reference in references:
        name = reference.rpartition(":")[0]
        seen[name] += name.startswith(f"{REPOSITORY_NAME}/")
        if seen[name] > kept:
            older.append(reference)
    return older


def buildah_in(cache: Path) -> Buildah:
    """Return buildah with its store in `cache`."""
    return Buildah(root=cache / "buildah", runroot=cache / "buildah-run")
