"""Builds the pinned components into the cache, each once."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.command import answers, run
from cloche_cluster.embedded.pins import COMPONENTS, COMPONENTS_DIRECTORY, Component, Pin, read_pin
from cloche_cluster.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloche_cluster.console import Console

BUILD_TIMEOUT = 3600.0
"""Seconds one component may take: Kubernetes takes 6 minutes on 2 cores, with a download before."""

MACHINE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The PATH of the cluster's programs: nft, mount and their like."""

_TOOLCHAINS = (1, 21)
"""From this version on, Go fetches by itself the newer toolchain that a go.mod asks for."""


@dataclass(frozen=True)
class Programs:
    """Where the programs of each component lie."""

    directories: dict[str, Path]

    def path(self, component: str, program: str | None = None) -> Path:
        """Return the path of `program` (by default the component's own name)."""
        return self.directories[component] / (program or component)

    @property
    def search_path(self) -> str:
        """A PATH with containerd's own helpers before the machine's programs."""
        ours = [str(self.directories[name]) for name in ("containerd", "runc")]
        return ":".join([*ours, MACHINE_PATH])


def ensure_programs(
    cache: Path, console: Console, components: Iterable[Component] = COMPONENTS
) -> Programs:
    """Build whatever of `components` the cache does not have, and return where all of them lie.

    Raises ClusterError when Go is missing or too old, or a build fails.
    """
    pins = [read_pin(one, COMPONENTS_DIRECTORY) for one in components]
    bin_dir = cache / "bin"
    missing = [pin for pin in pins if not (bin_dir / pin.directory).is_dir()]
    if missing:
        bin_dir.mkdir(parents=True, exist_ok=True)
        _check_go(missing)
        for pin in missing:
            _build(pin, bin_dir, console)
    return Programs({pin.component.name: bin_dir / pin.directory for pin in pins})


def find_go() -> str:
    """Return the program `go`: on the PATH, else where its own installer puts it.

    sudo has a PATH of its own, in which that place is missing.
    """
    return shutil.which("go") or "/usr/local/go/bin/go"


def go_is_enough(installed: str, wanted: str, toolchain: str) -> bool:
    """Say whether the Go `installed` builds a module that says `go wanted`.

    `toolchain` is GOTOOLCHAIN: unless it is `local`, Go 1.21 and later fetch what they lack.
    """
    have, want = _numbers(installed), _numbers(wanted)
    return have >= want or (have >= _TOOLCHAINS and toolchain.split("+", maxsplit=1)[0] != "local")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _check_go(pins: Iterable[Pin]) -> None:
    wanted = max((pin.go for pin in pins), key=_numbers)
    told = answers([find_go(), "env", "GOVERSION", "GOTOOLCHAIN"], timeout=30)
    if told is None:
        raise ClusterError(f"Go is not installed: Go {wanted} or newer builds the cluster")
    version, toolchain, *_ = [*told.split(), "auto", ""]
    if not go_is_enough(version, wanted, toolchain):
        raise ClusterError(f"Go is too old: {version} is installed, Go {wanted} is needed")


def _build(pin: Pin, bin_dir: Path, console: Console) -> None:
    """Build `pin` beside its place and rename it there, so that half a build is never used."""
    count = len(pin.tools)
    programs = "1 program" if count == 1 else f"{count} programs"
    console.step(f"building {pin.component.name} {pin.version} ({programs}) …")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=bin_dir, prefix=".building-") as temporary:
        target = Path(temporary) / "bin"
        target.mkdir()
        run(
            ["nice", find_go(), "build", *pin.flags, "-o", f"{target}/", *pin.tools],
            timeout=BUILD_TIMEOUT,
            cwd=pin.source,
            env={"CGO_ENABLED": "1" if pin.component.cgo else "0", **_go_home(bin_dir.parent)},
        )
        for old, new in pin.component.rename:
            (target / old).rename(target / new)
        absent = [name for name in pin.programs if not (target / name).is_file()]
        if absent:
            raise ClusterError(f"the build of {pin.component.name} made no {', '.join(absent)}")
        place = bin_dir / pin.directory
        shutil.rmtree(place, ignore_errors=True)
        target.rename(place)
    console.step(f"built {pin.component.name} in {time.monotonic() - began:.0f} s")


def _go_home(cache: Path) -> dict[str, str]:
    """Give Go its caches where the environment has no home (a service, a bare container)."""
    return {} if os.environ.get("HOME") else {"HOME": str(cache / "go-home")}
