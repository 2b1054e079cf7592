"""Owners of the machine's files: no Pod's mapped users may have become the owner of one."""

from __future__ import annotations

import os
from pathlib import Path

_DEVICES = tuple(f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty"))
_STORES = (Path("/var/cache/cloche/buildah"), Path("/var/lib/cloche/containerd"))
"""Directories with the images' files; the second has hard links to files of the first."""
_USERS = 65536
"""Users of images are below this number; Pods with user namespaces are mapped to users from it
on."""


def device_owners() -> dict[str, tuple[int, int, int]]:
    """Return user, group and mode of each device that every container gets."""
    found = {path: Path(path).stat() for path in _DEVICES}
    return {path: (one.st_uid, one.st_gid, one.st_mode) for path, one in found.items()}


def mapped_files() -> list[str]:
    """Return the images' files that belong to a Pod's mapped user.

    A file that a container created has one link and is its own; an image's shared file has a second
    link.
    """
    found = []
    for store in _STORES:
        for top, _, names in os.walk(store):
            for name in names:
                path = f"{top}/{name}"
                try:
                    one = os.lstat(path)
                except OSError:  # the container has just been removed
                    continue
                if one.st_uid >= _USERS and one.st_nlink > 1:
                    found.append(path)
    return found
