"""Create the Debian base image from Debian packages, if it cannot be pulled."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.command import answers, run
from cloche_cluster.errors import ClusterError
from cloche_cluster.images.table import DEBIAN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloche_cluster.images.builder import Buildah

SUITE = "trixie"
MIRROR_VARIABLE = "CLOCHE_DEBIAN_MIRROR"
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_TIMEOUT = 900.0

_DEBIAN_SUITES = re.compile(
    r"(buster|bullseye|bookworm|trixie|forky|sid|stable|testing)(-updates)?"
)
_SECURITY_SUITES = re.compile(r"(bullseye|bookworm|trixie|forky|stable|testing)-security")

_SLIM = (
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/linda/*",
    "/usr/share/lintian/overrides/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
)
"""Paths that slim images omit (as Debian's own do); copyright files stay."""


@dataclass(frozen=True)
class Source:
    """A source in apt's configuration: an address and a suite."""

    address: str
    suite: str


def parse_deb822(text: str) -> list[Source]:
    """Parse a `.sources` file."""
    found = []
    for stanza in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.*)$", stanza, re.MULTILINE))
        if "deb" in fields.get("Types", "").split() and fields.get("Enabled", "yes") != "no":
            found += [
                Source(address, suite)
                for address in fields.get("URIs", "").split()
                for suite in fields.get("Suites", "").split()
            ]
    return found


def parse_list(text: str) -> list[Source]:
    """Parse a `.list` file."""
    lines = re.findall(r"^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)", text, re.MULTILINE)
    return [Source(address, suite) for address, suite in lines]


def sources_for(suite: str, machine: Iterable[Source]) -> list[str]:
    """Return apt's lines for `suite`, with the machine's own Debian mirrors.

    Raises ClusterError if the machine has none.
    """
    there = list(machine)
    mirrors = [one.address for one in there if _DEBIAN_SUITES.fullmatch(one.suite)]
    if not mirrors:
        raise ClusterError(
            f"apt's configuration names no Debian mirror: set {MIRROR_VARIABLE} to one"
        )
    lines = [f"deb {mirrors[0]} {suite} main", f"deb {mirrors[0]} {suite}-updates main"]
    security = [one.address for one in there if _SECURITY_SUITES.fullmatch(one.suite)]
    return [*lines, *(f"deb {address} {suite}-security main" for address in security[:1])]


def read_sources(etc_apt: Path = Path("/etc/apt")) -> list[Source]:
    """Read the machine's apt configuration."""
    mirror = os.environ.get(MIRROR_VARIABLE)
    if mirror:
        return [Source(mirror, SUITE)]
    found: list[Source] = []
    for path in sorted(etc_apt.glob("sources.list.d/*.sources")):
        found += parse_deb822(path.read_text(errors="replace"))
    for path in [etc_apt / "sources.list", *sorted(etc_apt.glob("sources.list.d/*.list"))]:
        found += parse_list(path.read_text(errors="replace")) if path.exists() else []
    return found


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


def make_debian(buildah: Buildah) -> None:
    """Create the base image with mmdebstrap, and tag it as the image that others would pull."""
    lines = "\n".join(sources_for(SUITE, read_sources()))
    with tempfile.TemporaryDirectory(dir=buildah.root.parent, prefix=".debian-") as temporary:
        tree = Path(temporary) / "root.tar"
        run(["unshare", "--mount", *_RECIPE, tree, "-", *_proxy()], stdin=lines, timeout=_TIMEOUT)
        buildah.import_root(tree, OWN_NAME)
        buildah.tag(OWN_NAME, f"docker.io/library/{DEBIAN}")


def _proxy() -> list[str]:
    """Return the machine's apt proxy, because mmdebstrap does not read the apt options."""
    told = answers(["apt-config", "dump", "--format", '%f "%v";%n', "Acquire::http::Proxy"],
                   timeout=10) or ""  # fmt: skip
    lines = [line for line in told.splitlines() if '""' not in line]
    return [f"--aptopt={line}" for line in lines]
