"""Find and install packages within an image: the Dockerfiles of own runtimes run this file.

`lock` writes the exact versions and hashes of all packages into /lock. `install` installs those of
/own/lock into /out, and `apt` installs Debian's into the image itself. The packages are named in
/own/packages.json. A failure prints one line that begins with `PROBLEM: `.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import urllib.parse
from pathlib import Path

_OWN, _LOCK, _OUT = Path("/own"), Path("/lock"), Path("/out")
_WORK = Path("/var/tmp")  # noqa: S108  nothing else runs there
_APT_INSTALL = ("apt-get", "install", "-y", "-qq", "--no-install-recommends")
_UPDATE = "run `make runtime` with UPDATE=yes to lock the present versions"
_PIP = (
    *("--only-binary=:all:", "--break-system-packages", "--no-cache-dir", "--quiet"),
    *("--disable-pip-version-check", "--root-user-action=ignore"),
)
_NPM = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")
_NODE_MODULES = "usr/share/nodejs"
_FOR_GEMS = ("build-essential", "ca-certificates", "ruby-dev")
_JARS = "opt/own/java"
_MAVEN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion>
<groupId>own</groupId><artifactId>own</artifactId><version>1</version>
<dependencies>{}</dependencies>
</project>
"""
_DEPENDENCY = (
    "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"
)
_GEM_FIELDS = """
require "rubygems/package"
ARGV.each do |file|
  spec = Gem::Package.new(file).spec
  puts [spec.name, spec.version, spec.platform, File.basename(file)].join(" ")
end
"""
_NO_WHEEL = (
    "PIP: there is no wheel of {0} for this Python: check its name and version, or use a package "
    "of Debian with APT"
)
_NOT_COMPILED = "GEM: a gem cannot be compiled: add the Debian packages that it requires with APT"
_NO_DEBIAN = "APT: Debian has no package {0}: check its name"
_CAUSES = (
    (r"E: Unable to locate package (\S+)", _NO_DEBIAN),
    (r"E: Package '(\S+)' has no installation candidate", _NO_DEBIAN),
    (
        r"E: Version '(.+?)' for '(.+?)' was not",
        f"APT: Debian no longer has {{1}} {{0}}: {_UPDATE}",
    ),
    (r"No matching distribution found for (\S+)", _NO_WHEEL),
    (r"DO NOT MATCH THE HASHES", f"PIP: a package differs from the lock file: {_UPDATE}"),
    (r"'(\S+?)' is not in this registry", "NPM: there is no package {0}: check its name"),
    (r"No matching version found for (\S+?)\.?\s", "NPM: there is no {0}: check the version"),
    (r"Unable to download data from (\S+)", "GEM: {0} cannot be reached from the build"),
    (r"Could not find a valid gem '([^']+)'", "GEM: there is no {0}: check its name and version"),
    (r"Could not find artifact (\S+):jar:(\S+) ", "MAVEN: there is no {0}:{1}: check its name"),
    (r"Failed to build gem native extension", _NOT_COMPILED),
)
"""What package managers print, and the sentence for it."""


class ProblemError(Exception):
    """A sentence that says what is wrong and what to do."""


def _run(*words: str, cwd: Path | None = None) -> str:
    """Run a program and return its output. Raises ProblemError."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    if authorities := os.environ.get("PIP_CERT"):
        environment["SSL_CERT_FILE"] = authorities  # for gem
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, cwd=cwd, env=environment
    )
    if done.returncode == 0:
        return done.stdout
    said = f"{done.stdout}\n{done.stderr}\n"
    for pattern, sentence in _CAUSES:
        if found := re.search(pattern, said):
            raise ProblemError(sentence.format(*found.groups()))
    sys.stderr.write(said)
    raise ProblemError(f"{words[0]} failed: {' '.join(said.split())[-200:]}")


def _tools(*packages: str) -> None:
    """Install what only the build needs."""
    _run(*_APT_INSTALL, *packages)


def _apt_files(packages: list[str]) -> list[str]:
    """Return a line `NAME=VERSION sha256:…` for each Debian package that would be installed."""
    names = []
    for line in _run(*_APT_INSTALL, "--print-uris", *packages).splitlines():
        name, version, _ = line.split()[1].rsplit("_", 2)
        names.append(f"{name}={urllib.parse.unquote(version)}")
    # The hash that --print-uris prints is MD5, although apt itself checks SHA-256.
    records = _run("apt-cache", "show", *names) if names else ""
    found = {}
    for record in records.split("\n\n"):
        fields = dict(re.findall(r"^(Package|Version|SHA256): (.*)$", record, re.MULTILINE))
        if fields:
            found[f"{fields['Package']}={fields['Version']}"] = fields["SHA256"]
    return sorted(f"{name} sha256:{found[name]}" for name in names)


def _apt_install() -> None:
    """Install the locked packages of Debian, and nothing else."""
    locked = _lines("apt.txt")
    names = [line.split()[0] for line in locked]
    if other := sorted(set(_apt_files(names)) - set(locked)):
        raise ProblemError(f"APT: {other[0].split()[0]} differs from the lock file: {_UPDATE}")
    _run(*_APT_INSTALL, *names)


def _lock_pip(packages: list[str]) -> list[str]:
    _tools("python3-pip")
    report = _WORK / "report.json"
    _run("pip", "install", "--dry-run", "--report", str(report), *_PIP, *packages)
    return sorted(
        f"{one['metadata']['name']}=={one['metadata']['version']} "
        f"--hash=sha256:{one['download_info']['archive_info']['hashes']['sha256']}"
        for one in json.loads(report.read_text())["install"]
    )


def _install_pip() -> None:
    _tools("python3-pip")
    file = str(_OWN / "lock/pip.txt")
    how = ("--root", str(_OUT), "--require-hashes", "--no-deps", "--ignore-installed")
    _run("pip", "install", *how, *_PIP, "-r", file)


def _lock_npm(packages: list[str]) -> None:
    _tools("npm")
    folder = _LOCK / "npm"
    folder.mkdir()
    (folder / "package.json").write_text('{"private": true}\n')
    without_addresses = "--omit-lockfile-registry-resolved"
    _run("npm", "install", "--package-lock-only", without_addresses, *_NPM, *packages, cwd=folder)


def _install_npm() -> None:
    _tools("npm")
    work, target = _WORK / "npm", _OUT / _NODE_MODULES
    work.mkdir()
    for file in (_OWN / "lock/npm").iterdir():
        (work / file.name).write_bytes(file.read_bytes())
    _run("npm", "ci", *_NPM, cwd=work)
    target.mkdir(parents=True)
    for module in sorted((work / "node_modules").iterdir()):
        if not module.name.startswith("."):
            module.rename(target / module.name)


def _lock_gem(packages: list[str]) -> list[str]:
    _tools(*_FOR_GEMS)
    work = _WORK / "gems"
    _run("gem", "install", "--no-document", "--install-dir", str(work), *packages)
    files = {file.name: file for file in sorted((work / "cache").iterdir())}
    fields = _run("ruby", "-e", _GEM_FIELDS, *map(str, files.values())).splitlines()
    return sorted(
        f"{name} {version} {platform} sha256:{hashlib.sha256(files[file].read_bytes()).hexdigest()}"
        for name, version, platform, file in (line.split() for line in fields)
    )


def _install_gem() -> None:
    _tools(*_FOR_GEMS)
    work = _WORK / "fetched"
    work.mkdir()
    for line in _lines("gem.txt"):
        name, version, platform, digest = line.split()
        before = set(work.iterdir())
        _run("gem", "fetch", name, "--version", version, "--platform", platform, cwd=work)
        (file,) = set(work.iterdir()) - before
        if digest != f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}":
            raise ProblemError(f"GEM: {name} {version} differs from the lock file: {_UPDATE}")
    place = _run("gem", "environment", "gemdir").strip().lstrip("/")
    where = ("--install-dir", str(_OUT / place), "--bindir", str(_OUT / "usr/local/bin"))
    files = sorted(str(file) for file in work.iterdir())
    _run("gem", "install", "--local", "--ignore-dependencies", "--no-document", *where, *files)


def _jars(packages: list[str]) -> list[str]:
    """Copy the packages and what they require to /out; return a line `FILE sha256:…` for each."""
    _trust_authorities()
    _tools("maven")
    work, target = _WORK / "maven", _OUT / _JARS
    work.mkdir()
    target.mkdir(parents=True)
    names = (package.split(":") for package in packages)
    text = _POM.format("".join(_DEPENDENCY.format(*fields) for fields in names))
    (work / "pom.xml").write_text(text)
    how = (f"-DoutputDirectory={target}", "-DincludeScope=runtime")
    _run("mvn", "--batch-mode", "--quiet", _MAVEN, *how, cwd=work)
    return sorted(
        f"{file.name} sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
        for file in target.iterdir()
    )


def _trust_authorities() -> None:
    """Add the build machine's certificate authorities, if it has any, to those of Java."""
    if authorities := os.environ.get("PIP_CERT"):
        end = "-----END CERTIFICATE-----\n"
        own = Path("/usr/local/share/ca-certificates")
        for number, one in enumerate(Path(authorities).read_text().split(end)[:-1]):
            (own / f"own-{number}.crt").write_text(one[one.index("-----BEGIN") :] + end)
        _run("update-ca-certificates")


def _install_maven() -> None:
    wanted: dict[str, list[str]] = json.loads((_OWN / "packages.json").read_text())
    locked, found = _lines("maven.txt"), _jars(wanted["maven"])
    if locked != found:
        file = min(set(locked) ^ set(found)).split()[0]
        raise ProblemError(f"MAVEN: {file} differs from the lock file: {_UPDATE}")


def _lines(name: str) -> list[str]:
    return (_OWN / "lock" / name).read_text().splitlines()


def _is_locked(name: str) -> bool:
    return (_OWN / "lock" / name).exists()


def lock() -> None:
    """Write /lock."""
    wanted: dict[str, list[str]] = json.loads((_OWN / "packages.json").read_text())
    _LOCK.mkdir()
    _run("apt-get", "update", "-qq")
    if packages := wanted.get("apt"):
        _write("apt.txt", _apt_files(packages))
        # pip does not choose what Debian's packages already provide.
        _tools(*packages)
    if packages := wanted.get("pip"):
        _write("pip.txt", _lock_pip(packages))
    if packages := wanted.get("npm"):
        _lock_npm(packages)
    if packages := wanted.get("gem"):
        _write("gem.txt", _lock_gem(packages))
    if packages := wanted.get("maven"):
        _write("maven.txt", _jars(packages))


def _write(name: str, lines: list[str]) -> None:
    (_LOCK / name).write_text("".join(f"{line}\n" for line in lines))


def install() -> None:
    """Install the locked packages of all kinds but Debian's into /out."""
    _OUT.mkdir()
    _run("apt-get", "update", "-qq")
    if _is_locked("gem.txt") and _is_locked("apt.txt"):
        _apt_install()  # what a gem is compiled with
    steps = {"pip.txt": _install_pip, "npm": _install_npm, "gem.txt": _install_gem}
    for name, step in (steps | {"maven.txt": _install_maven}).items():
        if _is_locked(name):
            step()


def apt() -> None:
    """Install the locked packages of Debian into the image."""
    if _is_locked("apt.txt"):
        _run("apt-get", "update", "-qq")
        _apt_install()


def main() -> int:
    """Run the step that the argument names."""
    try:
        {"lock": lock, "install": install, "apt": apt}[sys.argv[1]]()
    except ProblemError as problem:
        sys.stderr.write(f"PROBLEM: {problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
