"""Whose the machine's own files are: no Pod, whatever its users are mapped to, may have got one."""

from __future__ import annotations

import os
from pathlib import Path

_DEVICES = tuple(f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty"))
_STORES = (Path("/var/cache/cloche/buildah"), Path("/var/lib/cloche/containerd"))
"""Where images' files lie; the second has hard links to those of the first."""
_USERS = 65536
"""Images have users below it, and Pods with user namespaces are mapped to users from it on."""


def device_owners() -> dict[str, tuple[int, int, int]]:
    """User, group and mode of each device that every container is given."""
    found = {path: Path(path).stat() for path in _DEVICES}
    return {path: (one.st_uid, one.st_gid, one.st_mode) for path, one in found.items()}


def mapped_files() -> list[str]:
    """Files of images that belong to a Pod's mapped user.

    A file that a container wrote itself is its own. One that an image shares has a second link.
    """
    found = []
    for store in _STORES:
        for top, _, names in os.walk(store):
            for name in names:
                path = f"{top}/{name}"
                try:
                    one = os.lstat(path)
                except OSError:  # a container that has just gone
                    continue
                if one.st_uid >= _USERS and one.st_nlink > 1:
                    found.append(path)
    return found
