"""Build the pinned components into the cache."""

from __future__ import annotations

import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.components.go import check_go, environment, find_go, huge_pages
from cloche_cluster.components.pins import (
    COMMON_FLAGS,
    COMPONENTS,
    COMPONENTS_DIRECTORY,
    Component,
    Pin,
    build_flags,
    read_pin,
)
from cloche_cluster.console import Progress
from cloche_cluster.errors import ClusterError
from cloche_cluster.machine.command import follow, run
from cloche_cluster.machine.lock import locked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cloche_cluster.console import Console

BUILD_TIMEOUT = 3600.0
"""Timeout of one build in seconds. The longest takes 6 minutes on 2 cores."""

FETCH_TIMEOUT = 1800.0
"""Timeout of downloading a Go module's dependencies in seconds. The largest is 200 MB."""

MACHINE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The PATH of the cluster's programs, which need nft, mount and similar tools."""


@dataclass(frozen=True)
class Binaries:
    """The directories of each component's programs."""

    directories: dict[str, Path]

    def path(self, component: str, program: str | None = None) -> Path:
        """Return the path of `program` (by default the component's own name)."""
        return self.directories[component] / (program or component)

    @property
    def search_path(self) -> str:
        """A PATH with containerd's helpers before the machine's programs."""
        ours = [str(self.directories[name]) for name in ("containerd", "runc")]
        return ":".join([*ours, MACHINE_PATH])


def ensure_binaries(
    cache: Path,
    console: Console,
    components: Iterable[Component] = COMPONENTS,
    c_libraries: Callable[[], object] = lambda: None,
) -> Binaries:
    """Build the `components` that the cache lacks, and return the directories of all.

    Components of one Go module are built by one `go build`, in the order in which their downloads
    finish. One process builds at a time, and the others use what it has built.
    `c_libraries` returns when the packages that cgo needs are installed. Raises ClusterError if Go
    is missing or too old, or a build fails.
    """
    pins = [read_pin(one, COMPONENTS_DIRECTORY) for one in components]
    bin_dir = cache / "bin"
    if _unbuilt(pins, bin_dir):
        # Tests and `make up` of several checkouts share the cache.
        with locked(bin_dir / ".lock", console, "the build of the components"):
            if missing := _unbuilt(pins, bin_dir):
                _build(missing, bin_dir, console, c_libraries)
    return _binaries(pins, bin_dir)


def _build(
    missing: list[Pin], bin_dir: Path, console: Console, c_libraries: Callable[[], object]
) -> None:
    check_go(missing)
    builds = [_Build(group, bin_dir, console) for group in _by_module(missing)]
    with huge_pages(), ThreadPoolExecutor(len(builds)) as pool:
        fetched = {pool.submit(build.fetch, c_libraries): build for build in builds}
        if len(builds) > 1:  # a single module is fetched quickly and compiles what it needs
            builds[0].standard_library()
        for done in as_completed(fetched):
            fetched[done].run(done.result())


def missing_pins(cache: Path, components: Iterable[Component] = COMPONENTS) -> list[Pin]:
    """Return the pins of those of `components` that `ensure_binaries` would build."""
    pins = [read_pin(one, COMPONENTS_DIRECTORY) for one in components]
    return _unbuilt(pins, cache / "bin")


def _unbuilt(pins: Iterable[Pin], bin_dir: Path) -> list[Pin]:
    return [pin for pin in pins if not (bin_dir / pin.directory).is_dir()]


def find_binaries(cache: Path, components: Iterable[Component] = COMPONENTS) -> Binaries:
    """Return the programs' directories without building. Raises ClusterError if one is missing."""
    pins = [read_pin(one, COMPONENTS_DIRECTORY) for one in components]
    bin_dir = cache / "bin"
    absent = [pin.component.name for pin in _unbuilt(pins, bin_dir)]
    if absent:
        raise ClusterError(
            f"this checkout's {', '.join(absent)} {'is' if len(absent) == 1 else 'are'} not built "
            "yet: run `make up` first"
        )
    return _binaries(pins, bin_dir)


def _binaries(pins: Iterable[Pin], bin_dir: Path) -> Binaries:
    return Binaries({pin.component.name: bin_dir / pin.directory for pin in pins})


def _by_module(pins: Iterable[Pin]) -> list[tuple[Pin, ...]]:
    """Group pins by their Go module, in order of first appearance."""
    groups: dict[Path, list[Pin]] = {}
    for pin in pins:
        groups.setdefault(pin.source, []).append(pin)
    return [tuple(group) for group in groups.values()]


@dataclass(frozen=True)
class _Build:
    """One `go build` for `pins`, which share a Go module."""

    pins: tuple[Pin, ...]
    bin_dir: Path
    console: Console

    def fetch(self, c_libraries: Callable[[], object]) -> int:
        """Download what the compilation needs, and return the number of packages."""
        words = ["list", "-deps", *self._tags, *self._tools]
        listed = run(
            [find_go(), *words], timeout=FETCH_TIMEOUT, cwd=self._source, env=self._environment
        )
        if self._cgo:
            c_libraries()
        return len(listed.splitlines())

    def standard_library(self) -> None:
        """Compile Go's standard library, which needs no downloads.

        This takes 27 s on 2 cores, which would otherwise be idle during the downloads, and 1 s if
        Go's cache has it.
        """
        words = ["nice", find_go(), "build", *COMMON_FLAGS, "std"]
        cgo_off = environment(self.bin_dir.parent, cgo=False)
        run(words, timeout=BUILD_TIMEOUT, cwd=self._source, env=cgo_off)

    def run(self, packages: int) -> None:
        """Build in a temporary directory and rename the programs: no partial build is used."""
        names = ", ".join(f"{pin.component.name} {pin.version}" for pin in self.pins)
        self.console.step(f"building {names} …")
        began = time.monotonic()
        with tempfile.TemporaryDirectory(dir=self.bin_dir, prefix=".building-") as temporary:
            target = Path(temporary)
            progress = Progress("compiled", packages, self.console)
            follow(
                ["nice", find_go(), "build", "-v", *build_flags(self.pins), "-o", f"{target}/",
                 *self._tools],
                progress.one_more, timeout=BUILD_TIMEOUT, cwd=self._source, env=self._environment,
            )  # fmt: skip
            for pin in self.pins:
                self._keep(pin, target)
        self.console.step(f"built {names} in {time.monotonic() - began:.0f} s")

    def _keep(self, pin: Pin, target: Path) -> None:
        """Move the programs of `pin` from `target` to their directory in the cache."""
        for old, new in pin.component.rename:
            (target / old).rename(target / new)
        absent = [name for name in pin.programs if not (target / name).is_file()]
        if absent:
            raise ClusterError(
                f"the build of {pin.component.name} did not produce {', '.join(absent)}"
            )
        own = target / pin.directory
        own.mkdir()
        for name in pin.programs:
            (target / name).rename(own / name)
        place = self.bin_dir / pin.directory
        shutil.rmtree(place, ignore_errors=True)
        own.rename(place)

    @property
    def _source(self) -> Path:
        return self.pins[0].source

    @property
    def _tools(self) -> list[str]:
        return [tool for pin in self.pins for tool in pin.tools]

    @property
    def _tags(self) -> list[str]:
        return [flag for flag in build_flags(self.pins) if flag.startswith("-tags=")]

    @property
    def _cgo(self) -> bool:
        return any(pin.component.cgo for pin in self.pins)

    @property
    def _environment(self) -> dict[str, str]:
        return environment(self.bin_dir.parent, cgo=self._cgo)
