from __future__ import annotations

import io
import tarfile
from concurrent.futures import Future
from typing import TYPE_CHECKING

import pytest

from cloche_cluster.components import crun
from cloche_cluster.console import Console
from cloche_cluster.embedded.up import _if_built
from cloche_cluster.errors import ClusterError, CommandError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SOURCES = {name: f"before {old} after {old}" for name, old, _ in crun._EDITS}


class Machine:
    """Replaces apt-helper, configure and make. The archive has these source files."""

    def __init__(self, sources: dict[str, str]) -> None:
        self.sources = sources
        self.built: dict[str, str] = {}

    def run(self, argv: Sequence[str | Path], *, cwd: Path | None = None, **_: float) -> str:
        words = [str(word) for word in argv]
        if words[0] == crun._APT_HELPER:
            assert words[-1] == f"SHA256:{crun._SHA256}"
            with tarfile.open(words[-2], "w") as archive:
                for name, text in self.sources.items():
                    member = tarfile.TarInfo(f"crun-{crun.VERSION}/{name}")
                    member.size = len(text)
                    archive.addfile(member, io.BytesIO(text.encode()))
        elif words[0] == "tar":
            with tarfile.open(words[-3]) as archive:
                archive.extractall(words[-1], filter="data")
        elif "crun" in words:
            assert cwd is not None
            self.built = {name: (cwd / name).read_text() for name in self.sources}
            (cwd / "crun").write_text("program")
        return ""


@pytest.fixture
def said() -> io.StringIO:
    return io.StringIO()


def ensure(
    machine: Machine, cache: Path, said: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> Path:
    monkeypatch.setattr(crun, "run", machine.run)
    monkeypatch.setenv("CLOCHE_DEBIAN_MIRROR", "http://mirror.example/debian/")
    (cache / "bin").mkdir(exist_ok=True)
    return crun.ensure_crun(cache, Console(stream=said), lambda: None)


def test_crun_is_built_once_from_the_edited_source(
    tmp_path: Path, said: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(SOURCES)
    program = ensure(machine, tmp_path, said, monkeypatch)
    assert program.read_text() == "program"
    for name, old, new in crun._EDITS:
        assert machine.built[name] == f"before {new} after {new}"
        assert old not in machine.built[name]
    monkeypatch.undo()
    assert crun.ensure_crun(tmp_path, Console(stream=said), pytest.fail) == program
    assert [path.name for path in (tmp_path / "bin").iterdir() if path.is_dir()] == [
        program.parent.name
    ]


def test_a_source_without_what_is_edited_is_an_error(
    tmp_path: Path, said: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = dict.fromkeys(SOURCES, "another version")
    with pytest.raises(ClusterError, match=r"linux\.c of crun .* does not contain"):
        ensure(Machine(other), tmp_path, said, monkeypatch)
    assert not [path for path in (tmp_path / "bin").iterdir() if path.is_dir()]


def test_if_crun_is_not_built_the_reason_is_printed(said: io.StringIO) -> None:
    failed: Future[Path] = Future()
    failed.set_exception(CommandError("`apt-helper` failed: could not resolve the host"))
    assert _if_built(failed, Console(stream=said)) is None
    assert "sandbox Pods run with runc: `apt-helper` failed: could not" in said.getvalue()
