"""The two engines that build images from the same Dockerfiles: Docker and buildah."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cloche_cluster.command import answers, run
from cloche_cluster.images.debian import OWN_NAME
from cloche_cluster.images.oci import OciLayout
from cloche_cluster.images.table import DEBIAN, REPOSITORY_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BUILD_TIMEOUT = 1800.0
"""Seconds for one image: a language's packages come over a slow network."""

KEPT_VERSIONS = 4
"""Versions of an image that stay in buildah's store."""

_DOCKER_REGISTRY = "docker.io/"
"""What Docker leaves out of a name."""

_SAVE_TIMEOUT = 600.0
_LOOK_TIMEOUT = 30.0

_CA_IN_BUILD = "/run/build-ca.crt"
"""Where a build finds the machine's own certificate authorities, if it must have them."""


class Builder(Protocol):
    """An engine with a store of images."""

    def debian_id(self) -> str | None:
        """Return the identity of the Debian base that is there, or None."""

    def references(self) -> set[str]:
        """Return the full names, with their tags, of all images in the store."""

    def build(
        self,
        context: Path,
        dockerfile: Path,
        reference: str,
        arguments: Mapping[str, str],
        *,
        idle: bool = False,
    ) -> None:
        """Build an image with these build arguments.

        With `idle` the build takes the processors only where nothing else wants them.
        """

    def save(self, references: Iterable[str], archive: Path) -> None:
        """Write images into one archive that containerd and Docker can load."""

    def push(self, reference: str, target: str) -> None:
        """Push an image to a registry under the name `target`."""


@dataclass(frozen=True)
class Docker:
    """A Docker engine; it pulls the Debian base itself."""

    def debian_id(self) -> str | None:
        """Return the image's id; pulls it when it is not there."""
        if not self._id(DEBIAN):
            run(["docker", "pull", "-q", DEBIAN], timeout=BUILD_TIMEOUT)
        return self._id(DEBIAN)

    def references(self) -> set[str]:
        """Ask the engine, which leaves its own registry's name out."""
        listed = run(
            ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}"], timeout=_LOOK_TIMEOUT
        ).split()
        own = REPOSITORY_NAME.removeprefix(_DOCKER_REGISTRY)
        return {
            f"{_DOCKER_REGISTRY}{name}" if name.startswith(f"{own}/") else name for name in listed
        }

    def build(
        self,
        context: Path,
        dockerfile: Path,
        reference: str,
        arguments: Mapping[str, str],
        *,
        idle: bool = False,
    ) -> None:
        """Build with `docker build`; the engine's processes have their own priority."""
        del idle
        flags = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        run(
            ["docker", "build", "-q", *flags, "-t", reference, "-f", context / dockerfile, context],
            timeout=BUILD_TIMEOUT,
        )

    def save(self, references: Iterable[str], archive: Path) -> None:
        """Write a docker-archive; shared layers are in it once."""
        run(["docker", "save", "-o", archive, *references], timeout=_SAVE_TIMEOUT)

    def push(self, reference: str, target: str) -> None:
        """Tag and push."""
        run(["docker", "tag", reference, target], timeout=_LOOK_TIMEOUT)
        run(["docker", "push", "-q", target], timeout=_SAVE_TIMEOUT)

    def _id(self, reference: str) -> str | None:
        look = ["docker", "image", "inspect", "--format", "{{.Id}}", reference]
        return (answers(look, timeout=_LOOK_TIMEOUT) or "").strip() or None


@dataclass(frozen=True)
class Buildah:
    """buildah as root, with a store of its own below `root`.

    Each call has a mount namespace of its own, so that a killed build leaves no mount.
    """

    root: Path
    runroot: Path

    def debian_id(self) -> str | None:
        """Return the image's id; nothing is pulled."""
        return self._id(OWN_NAME)

    def references(self) -> set[str]:
        """Return the full names, with their tags, of all images in the store."""
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
        """Build with `buildah build`, with chroot: no network and no cgroup of its own is made."""
        flags = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        self._run(
            "build", "--isolation", "chroot", "--network", "host", "--layers", "--pull-never",
            *_own_ca(), *flags, "-t", reference, "-f", str(context / dockerfile), str(context),
            timeout=BUILD_TIMEOUT, idle=idle,
        )  # fmt: skip

    def import_root(self, tree: Path, reference: str) -> None:
        """Make an image of one layer from the archive of a root directory."""
        with tempfile.TemporaryDirectory() as temporary:
            context = Path(temporary)
            (context / "root.tar").hardlink_to(tree)
            (context / "Dockerfile").write_text('FROM scratch\nADD root.tar /\nCMD ["bash"]\n')
            self._run(
                "build", "--isolation", "chroot", "-t", reference, temporary, timeout=_SAVE_TIMEOUT
            )

    def tag(self, reference: str, name: str) -> None:
        """Give an image another name too."""
        self._run("tag", reference, name, timeout=_LOOK_TIMEOUT)

    def remove_leftovers(self) -> None:
        """Remove the working containers of builds that were interrupted."""
        self._run("rm", "--all", timeout=_LOOK_TIMEOUT)

    def save(self, references: Iterable[str], archive: Path) -> None:
        """Write an OCI archive; shared layers are in it once, and none is compressed.

        By way of buildah's plain directories: its OCI writer compresses every layer, which
        takes three times as long, for nothing on the same machine.
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

        Several, since other checkouts and branches build into the same store.
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
        # SCHED_IDLE of sched(7): even the lowest niceness would take a tenth from the compilers.
        policy = ["chrt", "--idle", "0"] if idle else []
        return run([*policy, *self._argv(*words)], timeout=timeout)

    def _argv(self, *words: str) -> list[str]:
        store = ["--root", str(self.root), "--runroot", str(self.runroot)]
        return ["unshare", "--mount", "buildah", *store, "--storage-driver", "overlay", *words]


def _own_ca() -> list[str]:
    """Hand the machine's certificate authorities to pip and npm where it says that pip needs them.

    A read-only mount, so that they are no part of the image.
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
    """Select those of Cloche's images, listed newest first, that have `kept` newer versions."""
    seen: Counter[str] = Counter()
    older = []
    for reference in references:
        name = reference.rpartition(":")[0]
        seen[name] += name.startswith(f"{REPOSITORY_NAME}/")
        if seen[name] > kept:
            older.append(reference)
    return older


def docker_answers() -> bool:
    """Say whether a Docker engine answers (the client alone does not do)."""
    if not shutil.which("docker"):
        return False
    look = ["docker", "version", "--format", "{{.Server.Version}}"]
    return bool((answers(look, timeout=10) or "").strip())
