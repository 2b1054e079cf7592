"""Find out what the kernel supports by trying it."""

from __future__ import annotations

import os
import socket
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cloche_cluster.embedded.node.cgroups import CgroupMounts, read_mounts
from cloche_cluster.errors import CommandError
from cloche_cluster.machine.command import run
from cloche_cluster.machine.facts import has_capability

CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21, "CAP_MKNOD": 27}
"""Capabilities required by the node and the image builds, with their numbers in
linux/capability.h."""

_TIMEOUT = 10.0
_NETLINK_NETFILTER = 12
_GET_GENERATION = 10 << 8 | 16
"""NFNL_SUBSYS_NFTABLES and NFT_MSG_GETGEN, see linux/netfilter/nf_tables.h."""
_NEW_GENERATION = 10 << 8 | 15
_REQUEST = 1
"""NLM_F_REQUEST, see linux/netlink.h."""

_OVERLAY = (
    'cd "$0" && mkdir lower upper work merged && '
    "mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged"
)


@dataclass(frozen=True)
class Kernel:
    """The results. `namespaces` and `overlay` are the error of the attempt, "" if it succeeded.

    `user_namespaces` are optional. `controllers` are the usable cgroup controllers;
    `cgroups_writable` is whether cgroups can be created.
    """

    lacking_capabilities: tuple[str, ...] = ()
    nftables: bool = True
    namespaces: str = ""
    user_namespaces: bool = True
    overlay: str = ""
    controllers: frozenset[str] = frozenset()
    cgroups_writable: bool = True


def read_kernel(state: Path) -> Kernel:
    """Try the kernel's features. `state` is on the file system for overlay mounts."""
    status = Path("/proc/self/status").read_text()
    mounts = read_mounts()
    return Kernel(
        lacking_capabilities=tuple(
            name for name, number in CAPABILITIES.items() if not has_capability(status, number)
        ),
        nftables=_has_nftables(),
        namespaces=_error(
            "unshare", "--mount", "--net", "--ipc", "--uts", "--pid", "--fork", "true"
        ),
        user_namespaces=not _error("unshare", "--user", "true"),
        overlay=_overlay_error(state),
        controllers=controllers(mounts),
        cgroups_writable=all(os.access(one, os.W_OK) for one in mounts.v1 or mounts.all),
    )


def controllers(mounts: CgroupMounts) -> frozenset[str]:
    """Return the controllers that Pods can use, those of cgroup v1 if it is mounted."""
    if mounts.v1:
        return frozenset(name for one in mounts.v1 for name in one.name.split(","))
    if mounts.v2 is None:
        return frozenset()
    return frozenset((mounts.v2 / "cgroup.controllers").read_text().split())


def _has_nftables() -> bool:
    """Query nf_tables for its generation. This loads the kernel module if necessary."""
    header = struct.pack("=IHHII", 20, _GET_GENERATION, _REQUEST, 1, 0)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as asked:
            asked.settimeout(_TIMEOUT)
            asked.send(header + struct.pack("=BBH", socket.AF_UNSPEC, 0, 0))
            answer = asked.recv(4096)
    except OSError:
        return False
    kind: int = struct.unpack_from("=H", answer, 4)[0]
    return kind == _NEW_GENERATION


def _overlay_error(state: Path) -> str:
    """Mount an overlay in a new mount namespace, which also removes the mount at its end."""
    try:
        with tempfile.TemporaryDirectory(dir=state, prefix=".cloche-doctor-") as place:
            return _error("unshare", "--mount", "sh", "-c", _OVERLAY, place)
    except OSError as error:
        return str(error)


def _error(*words: str) -> str:
    """Run a command and return the first line of its error, or "" if there was none."""
    try:
        run(words, timeout=_TIMEOUT)
    except CommandError as error:
        return next(
            (line for line in str(error).splitlines() if line[:1] == " "), str(error)
        ).strip()
    return ""
