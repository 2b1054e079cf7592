"""The tag of each image: a hash of its content, which is the files that its Dockerfile copies."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import shutil
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_cluster.errors import ClusterError
from cloche_cluster.images.table import DEBIAN, Image

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

TAG_LENGTH = 16
"""Hexadecimal digits of a tag: 64 bits distinguish all contents of one repository."""

_IGNORED = ("__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache")


@dataclass(frozen=True)
class Tagged:
    """An image with its tag and its source files."""

    image: Image
    tag: str
    files: tuple[Path, ...]

    @property
    def reference(self) -> str:
        """The full name with the tag."""
        return self.image.reference(self.tag)


def tag_all(repository: Path, images: Iterable[Image], debian: str) -> tuple[Tagged, ...]:
    """Compute the tag of each image; `debian` is the id of the Debian base image."""
    tagged: dict[str, Tagged] = {}
    for image in images:
        try:
            dockerfile = (repository / image.dockerfile).read_text()
            files = context_files(repository, copied_sources(dockerfile))
        except FileNotFoundError as error:
            raise ClusterError(f"{image.dockerfile}: {error}") from None
        ingredients = [tagged[image.base].tag] if image.base else [DEBIAN, debian]
        tag = content_tag(repository, image.dockerfile, files, ingredients)
        tagged[image.name] = Tagged(image, tag, files)
    return tuple(tagged.values())


def copied_sources(dockerfile: str) -> tuple[str, ...]:
    """Return the context paths in a Dockerfile's COPY, ADD and bind-mount sources.

    Copies from another stage or image are skipped. Source: the Dockerfile reference.
    """
    sources: list[str] = []
    joined = re.sub(r"\\\s*\n(\s*#[^\n]*\n)*", " ", dockerfile)
    for line in joined.splitlines():
        found = re.match(r"\s*(?:COPY|ADD)\s+(.*)$", line, re.IGNORECASE)
        if found:
            sources += _sources(found.group(1))
        sources += re.findall(r"--mount=type=bind,(?:[^ ]*,)?source=([^, ]+)", line)
    return tuple(dict.fromkeys(sources))


def _sources(rest: str) -> list[str]:
    flags = re.match(r"((?:--\S+\s+)*)(.*)$", rest.strip())
    assert flags is not None  # the pattern matches every string
    if "--from=" in flags.group(1):
        return []
    body = flags.group(2)
    words = json.loads(body) if body.startswith("[") else shlex.split(body)
    return [str(word) for word in words[:-1]]


def context_files(repository: Path, sources: Iterable[str]) -> tuple[Path, ...]:
    """Return the files (links included) that `sources` name, sorted, relative to `repository`.

    Raises FileNotFoundError if a source matches nothing.
    """
    found: set[Path] = set()
    for source in sources:
        matches = list(_matching(repository, source))
        if not matches:
            raise FileNotFoundError(f"it copies {source}, which does not exist")
        for match in matches:
            found.update(_files(match))
    return tuple(sorted(path.relative_to(repository) for path in found))


def _matching(repository: Path, source: str) -> Iterator[Path]:
    pattern = source.strip("/")
    if pattern in {"", "."}:
        raise FileNotFoundError("it copies the whole repository: copy only the files that it needs")
    return repository.glob(pattern)


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir() and not path.is_symlink():
        for entry in path.iterdir():
            if entry.name not in _IGNORED and entry.suffix != ".pyc":
                yield from _files(entry)
    else:
        yield path


def content_tag(
    repository: Path, dockerfile: Path, files: Iterable[Path], ingredients: Iterable[str]
) -> str:
    """Return the tag for these contents: names, executable bits, bytes, and `ingredients`.

    `ingredients` are other inputs, such as the base image's name and tag.
    """
    digest = hashlib.sha256()
    for ingredient in ingredients:
        digest.update(f"{len(ingredient)}:{ingredient}\n".encode())
    for relative in (dockerfile, *files):
        path = repository / relative
        if path.is_symlink():
            kind, content = "link", str(path.readlink()).encode()
        else:
            kind = "program" if path.stat().st_mode & stat.S_IXUSR else "file"
            content = path.read_bytes()
        digest.update(f"{kind} {relative} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:TAG_LENGTH]


def stage(repository: Path, dockerfile: Path, files: Iterable[Path], target: Path) -> None:
    """Copy Dockerfile and files to `target`, a context with nothing else in it.

    Therefore the build uses exactly what was hashed, and engines that send the whole context send
    little. Modes are normalized, so that the checkout's umask does not matter.
    """
    for relative in (dockerfile, *files):
        source, place = repository / relative, target / relative
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink():
            place.symlink_to(source.readlink())
            continue
        shutil.copyfile(source, place)
        place.chmod(0o755 if source.stat().st_mode & stat.S_IXUSR else 0o644)
    for directory in target.rglob("*"):
        if directory.is_dir() and not directory.is_symlink():
            directory.chmod(0o755)
    target.chmod(0o755)
