"""Read single files of an image from the archive that an engine saves."""

from __future__ import annotations

import json
import posixpath
import tarfile
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from cloche_cluster.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
"""https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts"""
_MANIFESTS = "application/vnd.oci.image.index.v1+json"
_LINKS_MAX = 40
"""Maximum symbolic links on one path, as in Linux (path_resolution(7))."""


@dataclass(frozen=True)
class Root:
    """The wanted files of an image, by path without a leading slash, and all its links."""

    files: Mapping[str, bytes]
    links: Mapping[str, str]

    def read(self, path: str) -> bytes | None:
        """Return a file's content, following symbolic links; None if it does not exist."""
        done: list[str] = []
        left, followed = deque(path.split("/")), 0
        while left:
            part = left.popleft()
            if part == "..":
                done = done[:-1]
            elif part not in {"", "."}:
                target = self.links.get("/".join((*done, part)))
                if target is None:
                    done.append(part)
                    continue
                followed += 1
                if followed > _LINKS_MAX:
                    return None
                done = [] if target.startswith("/") else done
                left.extendleft(reversed(target.split("/")))
        return self.files.get("/".join(done))


def read_root(archive: Path, wanted: Callable[[str], bool]) -> Root:
    """Read the files whose paths are `wanted` from an archive of one image, Docker's or OCI's.

    Each layer is read once, the newest first: the entries and whiteouts of a layer hide files of
    the layers below.

    Raises ClusterError if it is not such an archive.
    """
    found = _Found(wanted)
    try:
        with tarfile.open(archive) as tar:
            for name in reversed(_layers(tar)):
                with _member(tar, name) as blob, tarfile.open(fileobj=blob) as layer:
                    found.add(layer)
    except (tarfile.TarError, KeyError, ValueError, OSError) as error:
        raise ClusterError(f"{archive.name} cannot be read as an image: {error!r}") from None
    return Root(found.files, found.links)


@dataclass
class _Found:
    wanted: Callable[[str], bool]
    files: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)  # hidden subtrees of lower layers
    _taken: set[str] = field(default_factory=set)

    def add(self, layer: tarfile.TarFile) -> None:
        """Add the files that no layer above has hidden."""
        gone: set[str] = set()  # hides files in lower layers, not in this one
        for member in layer:
            path = posixpath.normpath(member.name).lstrip("/")
            directory, name = posixpath.split(path)
            if name == _OPAQUE:
                gone.add(directory)
            elif name.startswith(_WHITEOUT):
                gone.add(posixpath.join(directory, name.removeprefix(_WHITEOUT)))
            elif path not in self._taken and not self._hidden(path):
                self._take(layer, member, path)
                if not member.isdir():
                    gone.add(path)
        self._gone |= gone

    def _take(self, layer: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        if member.issym():
            self.links[path] = member.linkname
        elif not member.isdir() and self.wanted(path):
            content = layer.extractfile(member)  # for a hard link, the content of its target
            if content is not None:
                self.files[path] = content.read()
        if not member.isdir():
            self._taken.add(path)

    def _hidden(self, path: str) -> bool:
        while path:
            if path in self._gone:
                return True
            path = posixpath.dirname(path)
        return False


def _layers(tar: tarfile.TarFile) -> list[str]:
    """Return the names of the layers' blobs in the archive, the oldest first."""
    names = set(tar.getnames())
    if "manifest.json" in names:
        (image,) = _json(tar, "manifest.json")
        layers: list[str] = image["Layers"]
        return layers
    described = _json(tar, "index.json")
    while described.get("mediaType", _MANIFESTS) == _MANIFESTS and "manifests" in described:
        (only,) = described["manifests"]
        described = _json(tar, _blob(only["digest"]))
    return [_blob(layer["digest"]) for layer in described["layers"]]


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/', 1)}"


def _json(tar: tarfile.TarFile, name: str) -> Any:
    with _member(tar, name) as file:
        return json.load(file)


@contextmanager
def _member(tar: tarfile.TarFile, name: str) -> Iterator[IO[bytes]]:
    file = tar.extractfile(name)
    if file is None:
        raise ValueError(f"{name} is not a file")
    with file:
        yield file
