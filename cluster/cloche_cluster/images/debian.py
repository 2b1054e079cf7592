"""Create the root directory of the Debian base image from Debian packages."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from cloche_cluster.machine.apt_sources import SUITE, read_sources, sources_for
from cloche_cluster.machine.command import answers, run

if TYPE_CHECKING:
    from pathlib import Path

_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_TIMEOUT = 900.0

_SLIM = (
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/linda/*",
    "/usr/share/lintian/overrides/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
)
"""Paths that slim images omit (as Debian's own do); copyright files stay."""

_REMOVE_PACKAGES = (
    'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };\n'  # once installed
)
_HOOK = f"cat > \"$1/etc/apt/apt.conf.d/docker-clean\" <<'END'\n{_REMOVE_PACKAGES}END\n"

_RECIPE = (
    "mmdebstrap", "--variant=minbase", "--mode=root", f"--keyring={_KEYRING}",
    *(f"--dpkgopt=path-exclude={pattern}" for pattern in _SLIM),
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    # As in Debian's own images: apt keeps no cache in any layer and downloads no translations, and
    # dpkg does not sync to disk.
    '--aptopt=Dir::Cache::pkgcache ""',
    '--aptopt=Dir::Cache::srcpkgcache ""',
    '--aptopt=Acquire::Languages "none"',
    "--dpkgopt=force-unsafe-io",
    f"--customize-hook={_HOOK}",
    SUITE,
)  # fmt: skip

OWN_NAME = f"localhost/cloche/debian:{hashlib.sha256(repr(_RECIPE).encode()).hexdigest()[:12]}"
"""The base image's name contains a hash of the recipe, so that a new recipe creates a new image."""


def write_root(tree: Path) -> None:
    """Write the root directory as the archive `tree`, with mmdebstrap.

    Raises ClusterError if the machine has no Debian mirror, or the packages cannot be fetched.
    """
    lines = "\n".join(sources_for(SUITE, read_sources()))
    run(["unshare", "--mount", *_RECIPE, tree, "-", *_proxy()], stdin=lines, timeout=_TIMEOUT)


def _proxy() -> list[str]:
    """Return the machine's apt proxy, because mmdebstrap does not read the apt options."""
    output = answers(["apt-config", "dump", "--format", '%f "%v";%n', "Acquire::http::Proxy"],
                   timeout=10) or ""  # fmt: skip
    lines = [line for line in output.splitlines() if '""' not in line]
    return [f"--aptopt={line}" for line in lines]
