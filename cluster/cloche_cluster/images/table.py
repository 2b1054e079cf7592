"""The images of this repository, discovered from its Dockerfiles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

REPOSITORY_NAME = "docker.io/cloche"
"""The prefix of all names. It is complete, so that all engines mean the same image."""

DEBIAN = "debian:trixie-slim"
"""The base of every image."""

BUILD_TIMEOUT = 1800.0
"""Timeout of one build in seconds, which allows for a slow network."""

RUNTIME_BASE = "runtime-base"
_RUNTIME = "runtime-"

FIRST_LANGUAGES = ("python", "javascript", "bash")
"""The languages that are built first, before the first answer."""
_SAME_LAYERS = {"cpp": "c"}
"""Languages whose image begins with the layers of another language's image."""


@dataclass(frozen=True)
class Image:
    """One image. `dockerfile` is relative to the repository, which is the build's context.

    `base` is the Cloche image that it is built from, if any. `after` is the image that is built
    before it: its base, or one that begins with the same layers. `deployed` is whether Pods run it.
    """

    name: str
    dockerfile: Path
    base: str | None = None
    after: str | None = None
    deployed: bool = True

    @property
    def language(self) -> str | None:
        """The language that the image is for, if any."""
        return self.name.removeprefix(_RUNTIME) if self.base else None

    def reference(self, tag: str) -> str:
        """Return the full name with `tag`."""
        return f"{REPOSITORY_NAME}/{self.name}:{tag}"


def discover(repository: Path) -> tuple[Image, ...]:
    """Return the images in the order of their builds, each after its `after`.

    A language is a folder of `runtimes/` with a Dockerfile and a runtime.yaml.
    """
    names = [
        path.parent.name
        for path in sorted(repository.glob("runtimes/*/runtime.yaml"))
        if path.with_name("Dockerfile").exists()
    ]
    found = {name: _of_language(name, names) for name in names}
    first = [found.pop(name) for name in FIRST_LANGUAGES if name in found]
    images = (
        Image("operator", Path("operator/Dockerfile")),
        Image(RUNTIME_BASE, Path("runtimes/base/Dockerfile"), deployed=False),
        *first,
        Image("gateway", Path("gateway/Dockerfile"), after="operator"),
        *found.values(),
        Image("valkey", Path("valkey/Dockerfile")),
    )
    return tuple(one for one in images if (repository / one.dockerfile).exists())


def _of_language(name: str, names: Collection[str]) -> Image:
    earlier = _SAME_LAYERS.get(name)
    return Image(
        f"{_RUNTIME}{name}",
        Path("runtimes", name, "Dockerfile"),
        base=RUNTIME_BASE,
        after=f"{_RUNTIME}{earlier}" if earlier in names else RUNTIME_BASE,
    )
