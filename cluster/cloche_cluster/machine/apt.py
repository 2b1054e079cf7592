"""Install the Debian packages that the cluster and its images need."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.errors import ClusterError, CommandError
from cloche_cluster.machine.command import answers, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cloche_cluster.console import Console

NODE = (
    "ca-certificates",
    "curl",  # runs the first example with the documented command
    "gcc",  # runc (libseccomp), crun and the pause program
    "iproute2",
    "libc6-dev",
    "libcap-dev",  # crun
    "libseccomp-dev",
    "libyajl-dev",  # crun
    "mount",
    "nftables",  # for kube-proxy, and for the cluster's own table
    "openssl",  # the kubelet's certificate
    "pkg-config",
    "socat",  # relays localhost to the gateway
    "util-linux",  # unshare
)
"""Packages for the embedded node."""

IMAGES = (
    "buildah",
    "debian-archive-keyring",
    "mmdebstrap",  # creates the base image from Debian packages
)
"""Packages for building images without Docker."""

NO_APT = (
    "this system has no apt, which installs the packages that the embedded cluster and buildah "
    "require: use Debian or Ubuntu, or CLUSTER=kind or CLUSTER=minikube with Docker"
)
"""The message for a machine without dpkg."""

_INSTALL_TIMEOUT = 900.0
_LOCK_SECONDS = 300
_LOCK = Path("/run/lock/cloche-apt")
"""/run/lock exists on every Debian (Filesystem Hierarchy Standard 3.0, section 5.9)."""
_QUIET = {"DEBIAN_FRONTEND": "noninteractive"}


def missing_packages(status: str, wanted: Iterable[str]) -> tuple[str, ...]:
    """Return those of `wanted` that dpkg-query's `status` (`name state` lines) lacks."""
    lines = (line.split() for line in status.splitlines())
    installed = {words[0] for words in lines if words[-1:] == ["installed"]}
    return tuple(name for name in wanted if name not in installed)


def lacking(wanted: Iterable[str]) -> tuple[str, ...] | None:
    """Return those of `wanted` that are not installed; None if there is no dpkg."""
    status = answers(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n"], timeout=60)
    return None if status is None else missing_packages(status, wanted)


def ensure_packages(wanted: Iterable[str], console: Console) -> None:
    """Install those of `wanted` that are missing. Raises ClusterError if there is no apt."""
    names = tuple(wanted)
    missing = lacking(names)
    if missing is None:
        raise ClusterError(NO_APT)
    if not missing:
        return
    with _one_at_a_time():
        missing = lacking(names)  # another thread may have installed them meanwhile
        if missing:
            console.step(f"installing Debian packages: {' '.join(missing)} …")
            _install(missing)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Keep Cloche's threads and processes from running apt concurrently.

    apt waits for dpkg's lock, but fails if the package lists are locked.
    """
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(names: tuple[str, ...]) -> None:
    install = ("install", "-y", "-q", "--no-install-recommends", *names)
    try:
        _apt(*install)
    except CommandError:
        # On a fresh machine the package lists are missing or old, or an earlier apt was killed.
        run(["dpkg", "--configure", "-a"], timeout=_INSTALL_TIMEOUT, env=_QUIET, uninterrupted=True)
        _apt("update", "-q")
        _apt(*install)


def _apt(*words: str) -> None:
    """Run apt-get, which waits while another package manager runs."""
    wait = ("-o", f"DPkg::Lock::Timeout={_LOCK_SECONDS}")
    run(["apt-get", *wait, *words], timeout=_INSTALL_TIMEOUT, env=_QUIET, uninterrupted=True)
