"""List an image's packages: Debian's, Python's and npm's, from their own records.

Python and Node.js modules in a Debian package are covered by that package only.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from email.parser import Parser
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from cloche_cluster.images.archive import Root

STATUS = "var/lib/dpkg/status"
OS_RELEASE = "usr/lib/os-release"
_COPYRIGHT = re.compile(r"usr/share/doc/[^/]+/copyright")
_METADATA = re.compile(r"(?!usr/lib/python3/dist-packages/).*\.dist-info/METADATA")
_MANIFEST = re.compile(r"(?!usr/(share|lib)/).*/node_modules/(@[^/]+/)?[^/@][^/]*/package\.json")
_MACHINE_READABLE = "https://www.debian.org/doc/packaging-manuals/copyright-format/1.0"
_LICENSE_CHARACTERS = 80
"""A longer field contains the licence's text, not its name."""


@dataclass(frozen=True, order=True)
class Package:
    """A package. `purl` is its universal name (https://github.com/package-url/purl-spec).

    `expression` is its licence as an SPDX expression, if the package has one; `licenses` are
    licence names in other forms.
    """

    purl: str
    name: str
    version: str
    licenses: tuple[str, ...] = ()
    expression: str | None = None


@dataclass(frozen=True)
class Distribution:
    """The operating system: `debian`, its version number and its codename."""

    id: str
    version: str
    codename: str


def is_record(path: str) -> bool:
    """Return whether a file contains package records."""
    return path in {STATUS, OS_RELEASE} or any(
        kind.fullmatch(path) for kind in (_COPYRIGHT, _METADATA, _MANIFEST)
    )


def packages(root: Root) -> tuple[Package, ...]:
    """Return all packages, sorted by purl."""
    found = set(_debian(root, distribution(root)))
    for path, content in root.files.items():
        if _METADATA.fullmatch(path):
            found.add(_python(content.decode()))
        elif _MANIFEST.fullmatch(path):
            found.add(_npm(json.loads(content)))
    return tuple(sorted(found))


def distribution(root: Root) -> Distribution:
    """Return the fields of os-release(5)."""
    text = (root.files.get(OS_RELEASE) or b"").decode()
    fields = dict(re.findall(r'^([A-Z_]+)="?([^"\n]*)"?$', text, re.MULTILINE))
    return Distribution(
        fields.get("ID", "debian"),
        fields.get("VERSION_ID", ""),
        fields.get("VERSION_CODENAME", ""),
    )


def _debian(root: Root, system: Distribution) -> list[Package]:
    """Return the installed packages in dpkg's records (deb-control(5))."""
    found = []
    for stanza in (root.files.get(STATUS) or b"").decode().split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", stanza, re.MULTILINE))
        if fields.get("Status", "").split()[-1:] != ["installed"]:
            continue
        name, version = fields["Package"], fields["Version"]
        where = f"arch={fields['Architecture']}&distro={system.codename}"
        purl = f"pkg:deb/{system.id}/{_encoded(name)}@{_encoded(version)}?{where}"
        text = root.read(f"usr/share/doc/{name}/copyright") or b""
        found.append(Package(purl, name, version, _debian_licenses(text.decode(errors="replace"))))
    return found


def _debian_licenses(text: str) -> tuple[str, ...]:
    """Return the licence names of a machine-readable copyright file; none for other files."""
    if _MACHINE_READABLE not in text.replace("http:", "https:"):
        return ()
    names = re.findall(r"^License:[ \t]*(\S.*?)[ \t]*$", text, re.MULTILINE)
    return tuple(sorted(set(names)))


def _python(text: str) -> Package:
    """Parse METADATA (packaging.python.org/en/latest/specifications/core-metadata/)."""
    fields = Parser().parsestr(text, headersonly=True)
    name, version = fields["Name"], fields["Version"]
    purl = f"pkg:pypi/{_encoded(re.sub(r'[-_.]+', '-', name).lower())}@{_encoded(version)}"
    expression = fields["License-Expression"]
    if expression:
        return Package(purl, name, version, expression=expression)
    trove = [one for one in fields.get_all("Classifier", []) if one.startswith("License :: ")]
    values = [one.rpartition(" :: ")[2] for one in trove] or [fields["License"] or ""]
    names = {one.strip() for one in values}
    licenses = sorted(one for one in names if _is_name(one))
    return Package(purl, name, version, tuple(licenses))


def _is_name(text: str) -> bool:
    return bool(text) and "\n" not in text and len(text) <= _LICENSE_CHARACTERS


def _npm(fields: dict[str, object]) -> Package:
    """Return the package that a package.json describes."""
    name, version = str(fields.get("name", "")), str(fields.get("version", ""))
    purl = f"pkg:npm/{quote(name, safe='/')}@{_encoded(version)}"
    spdx = fields.get("license")
    return Package(purl, name, version, expression=spdx if isinstance(spdx, str) else None)


def _encoded(text: str) -> str:
    return quote(text, safe=":")
