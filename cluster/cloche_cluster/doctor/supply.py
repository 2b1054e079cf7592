"""Determine what must be built and fetched, and whether that can succeed."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from cloche_cluster.components.go import check_go
from cloche_cluster.doctor import disk, sizes, sources
from cloche_cluster.doctor.findings import Finding, Level, ok, problem
from cloche_cluster.embedded.supervisord import base_python
from cloche_cluster.errors import ClusterError
from cloche_cluster.images.table import discover
from cloche_cluster.machine.apt import NO_APT
from cloche_cluster.machine.apt_sources import SUITE, Source, parse_list, read_sources, sources_for
from cloche_cluster.machine.command import answers

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cloche_cluster.doctor.needs import Needs
    from cloche_cluster.doctor.sources import Question
    from cloche_cluster.embedded.layout import Layout

_PYTHON_PACKAGE = "supervisor"
"""The package in the query to pip: the only one that the embedded cluster installs from it."""
_NPM_PACKAGE = "typescript"
"""The package in the query to npm, which an image installs."""


def examine(needs: Needs, repository: Path, cache: Path, layout: Layout | None) -> list[Finding]:
    """Judge tools, disk and package sources. `layout` is None for other clusters."""
    go = _go(needs)
    can_build = go is not None and go.level is Level.OK
    fetch_modules = can_build and not sources.modules_are_there(needs.components)
    caches = sizes.read_go_caches() if can_build else None
    images = len(discover(repository))  # the measured size is that of all of them
    wanted = sizes.wanted(needs, cache, caches, images=images, fetch_modules=fetch_modules)
    if layout:
        together = disk.on_one_file_system(cache, layout.state)
        wanted.append(sizes.of_node(needs, layout, images=images, one_file_system=together))
    found = [go] if go else [ok("programs", "all are built")]
    found += [*_packages(needs), *_environment(needs), _images(needs)]
    found += disk.check(disk.read_places(wanted, layout.state if layout else None))
    questions = [sources.go_modules(needs.components[0])] if fetch_modules else []
    archives: dict[Source, None] = {}
    if needs.packages:
        codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
        archives.update(dict.fromkeys(sources.of_machine(read_sources(), codename)))
    if needs.supervisor:
        questions.append(sources.python_packages(_PYTHON_PACKAGE, in_image=False))
    if needs.images and not needs.docker:
        try:
            archives.update(dict.fromkeys(_of_images()))
        except ClusterError as error:
            found.append(problem("Debian packages", str(error)))
        questions += _of_dockerfiles((repository / one.dockerfile) for one in needs.images)
    questions += [sources.debian(one) for one in archives if sources.can_ask(one)]
    return [*found, *sources.ask_all(questions)]


def _go(needs: Needs) -> Finding | None:
    if not needs.components:
        return None
    try:
        version = check_go(needs.components)
    except ClusterError as error:
        return problem("Go", str(error))
    names = ", ".join(pin.component.name for pin in needs.components)
    return ok("Go", f"{version} will build {names}")


def _packages(needs: Needs) -> list[Finding]:
    if needs.packages is None:
        return [problem("packages", NO_APT)]
    if needs.packages:
        return [ok("packages", f"apt will install {', '.join(needs.packages)}")]
    return [ok("packages", "all are installed")]


def _environment(needs: Needs) -> list[Finding]:
    if not needs.supervisor:
        return []
    python = base_python()
    if answers([python, "-c", "import ensurepip, venv"], timeout=30) is None:
        return [problem("Python", f"{python} has no venv module: run apt install python3-venv")]
    return [ok("supervisor", f"it will be installed with {python}")]


def _images(needs: Needs) -> Finding:
    engine = "Docker" if needs.docker else "buildah"
    if not needs.images:
        return ok("images", "all are built")
    return ok("images", f"{engine} will build {len(needs.images)}")


def _of_images() -> list[Source]:
    """Return the archives of the images' packages; updates are on the first one's mirror."""
    lines = sources_for(SUITE, read_sources())
    archives = parse_list("\n".join(lines))
    return [one for one in archives if one.suite != f"{SUITE}-updates"]


def _of_dockerfiles(dockerfiles: Iterable[Path]) -> list[Question]:
    """Return the sources other than Debian from which these Dockerfiles install packages."""
    texts = [one.read_text() for one in dockerfiles]
    found = []
    if any("pip install" in text for text in texts):
        found.append(sources.python_packages(_PYTHON_PACKAGE, in_image=True))
    npm = (
        sources.npm_packages(_NPM_PACKAGE) if any("npm install" in text for text in texts) else None
    )
    return [*found, npm] if npm else found
