"""Find the Debian mirrors in the machine's apt configuration."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterable

SUITE = "trixie"
"""Debian's codename of the images' packages."""
MIRROR_VARIABLE = "CLOCHE_DEBIAN_MIRROR"
"""The environment variable that replaces the machine's mirrors for the images."""

_DEBIAN_SUITES = re.compile(
    r"(buster|bullseye|bookworm|trixie|forky|sid|stable|testing)(-updates)?"
)
_SECURITY_SUITES = re.compile(r"(bullseye|bookworm|trixie|forky|stable|testing)-security")


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


def mirror(machine: Iterable[Source]) -> str:
    """Return the address of the machine's first Debian mirror, without a slash at the end.

    Raises ClusterError if the machine has none.
    """
    for one in machine:
        if _DEBIAN_SUITES.fullmatch(one.suite):
            return one.address.rstrip("/")
    raise ClusterError(f"apt's configuration has no Debian mirror: set {MIRROR_VARIABLE} to one")


def sources_for(suite: str, machine: Iterable[Source]) -> list[str]:
    """Return apt's lines for `suite`, with the machine's own Debian mirrors.

    Raises ClusterError if the machine has none.
    """
    there = list(machine)
    first = mirror(there)
    lines = [f"deb {first} {suite} main", f"deb {first} {suite}-updates main"]
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
