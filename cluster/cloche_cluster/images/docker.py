"""Build images with a Docker engine."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_cluster.images.table import BUILD_TIMEOUT, DEBIAN, REPOSITORY_NAME
from cloche_cluster.machine.command import answers, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_REGISTRY = "docker.io/"
"""The part of a name that Docker omits."""

_SAVE_TIMEOUT = 600.0
_LOOK_TIMEOUT = 30.0


@dataclass(frozen=True)
class Docker:
    """A Docker engine. It pulls the Debian base image itself."""

    def debian_id(self) -> str | None:
        """Return the image's id, pulling the image if it is missing."""
        if not self._id(DEBIAN):
            run(["docker", "pull", "-q", DEBIAN], timeout=BUILD_TIMEOUT)
        return self._id(DEBIAN)

    def references(self) -> set[str]:
        """List the engine's images. Docker omits its own registry's name, which is added."""
        listed = run(
            ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}"], timeout=_LOOK_TIMEOUT
        ).split()
        own = REPOSITORY_NAME.removeprefix(_REGISTRY)
        return {f"{_REGISTRY}{name}" if name.startswith(f"{own}/") else name for name in listed}

    def build(
        self,
        context: Path,
        dockerfile: Path,
        reference: str,
        arguments: Mapping[str, str],
        *,
        idle: bool = False,
    ) -> None:
        """Build with `docker build`. `idle` has no effect on the engine's processes."""
        del idle
        flags = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        run(
            ["docker", "build", "-q", *flags, "-t", reference, "-f", context / dockerfile, context],
            timeout=BUILD_TIMEOUT,
        )

    def export(
        self, context: Path, dockerfile: Path, target: Path, arguments: Mapping[str, str]
    ) -> None:
        """Build with `docker build --output`, which requires BuildKit."""
        flags = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        words = ["--no-cache", *flags, "--output", f"type=local,dest={target}"]
        run(
            ["docker", "build", "-q", *words, "-f", context / dockerfile, context],
            timeout=BUILD_TIMEOUT,
            env={"DOCKER_BUILDKIT": "1"},
        )

    def save(self, references: Iterable[str], archive: Path) -> None:
        """Write a docker-archive, in which shared layers appear once."""
        run(["docker", "save", "-o", archive, *references], timeout=_SAVE_TIMEOUT)

    def push(self, reference: str, target: str) -> None:
        """Tag and push the image."""
        run(["docker", "tag", reference, target], timeout=_LOOK_TIMEOUT)
        run(["docker", "push", "-q", target], timeout=_SAVE_TIMEOUT)

    def _id(self, reference: str) -> str | None:
        look = ["docker", "image", "inspect", "--format", "{{.Id}}", reference]
        return (answers(look, timeout=_LOOK_TIMEOUT) or "").strip() or None


def docker_answers() -> bool:
    """Return whether a Docker engine answers; the client alone is not sufficient."""
    if not shutil.which("docker"):
        return False
    look = ["docker", "version", "--format", "{{.Server.Version}}"]
    return bool((answers(look, timeout=10) or "").strip())
