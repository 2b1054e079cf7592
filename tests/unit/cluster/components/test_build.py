"""Compiling programs, with a fake `go` that records its calls and creates empty programs."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cloche_cluster.components import build
from cloche_cluster.components.build import ensure_binaries
from cloche_cluster.components.pins import COREDNS, Component, component
from cloche_cluster.console import Console

GO = """#!/bin/sh
echo "$*" >> "$ASKED"
case "$1" in
    env) echo go99.0.0 auto;;
    build)
        while [ "$#" -gt 1 ] && [ "$1" != -o ]; do shift; done
        [ "$1" = -o ] || exit 0
        cd "$2" && shift 2 && for tool; do touch "${tool##*/}"; done;;
esac
"""


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file with the arguments of each call of `go`, one call a line."""
    go, log = tmp_path / "path" / "go", tmp_path / "asked"
    go.parent.mkdir()
    go.write_text(GO)
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{go.parent}:/usr/bin:/bin")
    # The test must not change the machine's setting.
    monkeypatch.setattr(build, "huge_pages", contextlib.nullcontext)
    monkeypatch.setenv("ASKED", str(log))
    return log


@pytest.mark.parametrize(
    ("components", "times"),
    [((COREDNS,), 0), ((COREDNS, component("runc")), 1)],
    ids=["one module", "two modules"],
)
def test_the_standard_library_is_compiled_during_the_download_of_modules(
    tmp_path: Path, asked: Path, components: tuple[Component, ...], times: int
) -> None:
    programs = ensure_binaries(tmp_path, Console(), components)
    assert programs.path("coredns").is_file()
    lines = asked.read_text().splitlines()
    assert sum(line.startswith("build") and line.endswith(" std") for line in lines) == times
    ensure_binaries(tmp_path, Console(), components)
    assert asked.read_text().splitlines() == lines, "nothing is missing, and Go is not asked"


def test_the_second_of_two_builds_at_a_time_uses_what_the_first_has_built(
    tmp_path: Path, asked: Path
) -> None:
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda _: ensure_binaries(tmp_path, Console(), (COREDNS,)), range(2))
        assert all(one.path("coredns").is_file() for one in found)
    lines = asked.read_text().splitlines()
    assert sum(line.startswith("build") for line in lines) == 1
