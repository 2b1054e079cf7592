"""The images of this repository, discovered from its Dockerfiles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

REPOSITORY_NAME = "docker.io/cloche"
"""The prefix of all names. In full, so that Docker, buildah and containerd mean the same image."""

DEBIAN = "debian:trixie-slim"
"""What every image is made from."""

RUNTIME_BASE = "runtime-base"


@dataclass(frozen=True)
class Image:
    """One image. `dockerfile` is relative to the repository, which is the build's context.

    `base` is the image of ours that it is made from, if any; `deployed` says whether Pods run it.
    """

    name: str
    dockerfile: Path
    base: str | None = None
    deployed: bool = True

    def reference(self, tag: str) -> str:
        """Return the full name with `tag`."""
        return f"{REPOSITORY_NAME}/{self.name}:{tag}"


def discover(repository: Path) -> tuple[Image, ...]:
    """Return the images, each after the one that it is made from.

    A language is a folder of `runtimes/` with a Dockerfile and a runtime.yaml.
    """
    programs = (
        Image("gateway", Path("gateway/Dockerfile")),
        Image("operator", Path("operator/Dockerfile")),
        Image("valkey", Path("valkey/Dockerfile")),
        Image(RUNTIME_BASE, Path("runtimes/base/Dockerfile"), deployed=False),
    )
    languages = tuple(
        Image(
            f"runtime-{folder.parent.name}",
            folder.parent.relative_to(repository) / "Dockerfile",
            base=RUNTIME_BASE,
        )
        for folder in sorted(repository.glob("runtimes/*/runtime.yaml"))
        if (folder.parent / "Dockerfile").exists()
    )
    there = tuple(one for one in programs if (repository / one.dockerfile).exists())
    return (*there, *languages)
