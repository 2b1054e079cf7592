"""Images are built in the background, in order; an error stops only dependent images."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cloche_cluster.console import Console
from cloche_cluster.errors import ClusterError
from cloche_cluster.images.builds import WORKERS, ImageBuilds
from cloche_cluster.images.table import discover

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FILES = {
    "gateway/Dockerfile": "FROM scratch\n",
    "operator/Dockerfile": "FROM scratch\n",
    "runtimes/base/Dockerfile": "FROM scratch\n",
    "runtimes/python/Dockerfile": "FROM scratch\n",
    "runtimes/python/runtime.yaml": "kind: SandboxRuntime\n",
    "runtimes/lua/Dockerfile": "FROM scratch\n",
    "runtimes/lua/runtime.yaml": "kind: SandboxRuntime\n",
}
DEADLINE = 10.0


@dataclass
class Engine:
    """A builder that records its calls; `broken` images fail, and all builds wait for `gate`."""

    broken: tuple[str, ...] = ()
    stored: set[str] = field(default_factory=set)
    begun: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    idle: dict[str, bool] = field(default_factory=dict)
    base: dict[str, str] = field(default_factory=dict)
    gate: threading.Event = field(default_factory=threading.Event)
    full: threading.Event = field(default_factory=threading.Event)  # as many run as may

    def debian_id(self) -> str | None:
        return "debian"

    def references(self) -> set[str]:
        return self.stored

    def build(
        self,
        context: Path,
        dockerfile: Path,
        reference: str,
        arguments: Mapping[str, str],
        *,
        idle: bool = False,
    ) -> None:
        assert (context / dockerfile).is_file()
        name = short(reference)
        self.begun.append(name)
        if len(self.begun) == WORKERS:
            self.full.set()
        self.idle[name] = idle
        self.base[name] = short(arguments.get("BASE", ""))
        assert self.gate.wait(DEADLINE)
        if name in self.broken:
            raise ClusterError(f"{name} is broken")
        self.ended.append(name)

    def export(
        self, context: Path, dockerfile: Path, target: Path, arguments: Mapping[str, str]
    ) -> None:
        raise NotImplementedError

    def save(self, references: Iterable[str], archive: Path) -> None:
        raise NotImplementedError

    def push(self, reference: str, target: str) -> None:
        raise NotImplementedError


def short(reference: str) -> str:
    return reference.rpartition("/")[2].partition(":")[0]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def builds(repository: Path, engine: Engine, later: tuple[str, ...] = ()) -> ImageBuilds:
    return ImageBuilds(
        repository, discover(repository), lambda: engine, Console(stream=io.StringIO()), later
    )


def test_an_image_is_built_after_its_base(repository: Path) -> None:
    engine = Engine()
    engine.gate.set()
    with builds(repository, engine) as running:
        tagged = running.wait(running.names)
    assert [one.image.name for one in tagged] == list(running.names)
    assert sorted(engine.begun) == sorted(running.names)
    assert engine.begun.index("gateway") > engine.ended.index("operator")
    assert engine.begun.index("runtime-python") > engine.ended.index("runtime-base")
    assert engine.base["runtime-lua"] == "runtime-base"


def test_a_later_image_waits_and_then_takes_only_idle_processors(repository: Path) -> None:
    engine = Engine()
    engine.gate.set()
    with builds(repository, engine, later=("runtime-lua",)) as running:
        running.wait([name for name in running.names if name != "runtime-lua"])
        assert "runtime-lua" not in engine.begun
        running.begin_later()
        running.wait(running.names)
    assert engine.idle["operator"] is False
    assert engine.idle["runtime-lua"] is True


def test_an_existing_image_is_not_built(repository: Path) -> None:
    engine = Engine()
    engine.gate.set()
    with builds(repository, engine) as first:
        engine.stored = {one.reference for one in first.wait(first.names)}
    engine.begun.clear()
    with builds(repository, engine) as again:
        assert len(again.wait(again.names)) == len(again.names)
        assert again.built(["gateway"])
    assert engine.begun == []


def test_a_failed_image_is_named_and_the_others_are_built(repository: Path) -> None:
    engine = Engine(broken=("runtime-lua",))
    engine.gate.set()
    with builds(repository, engine) as running:
        assert running.wait(["gateway", "runtime-python"])
        left, errors = list(running.names), []
        while left:
            _, failed = running.wait_for_any(left)
            errors += failed
            left = [name for name in left if not running.has_ended(name)]
        assert [str(error) for error in errors] == [
            "image runtime-lua was not built: runtime-lua is broken"
        ]
        with pytest.raises(ClusterError, match="runtime-lua is broken"):
            running.wait(["runtime-lua"])


def test_an_image_whose_base_failed_is_not_built(repository: Path) -> None:
    engine = Engine(broken=("runtime-base",))
    engine.gate.set()
    with builds(repository, engine) as running:
        assert running.wait(["gateway"])
        with pytest.raises(ClusterError, match="its base image failed: image runtime-base was not"):
            running.wait(["runtime-python"])
    assert "runtime-python" not in engine.begun


def test_waiting_for_an_image_with_a_missing_source_raises_the_error(repository: Path) -> None:
    (repository / "operator" / "Dockerfile").write_text("FROM scratch\nCOPY absent /\n")
    with builds(repository, Engine()) as running, pytest.raises(ClusterError, match="absent"):
        running.wait(["gateway"])


def test_no_build_starts_after_the_block_is_left(repository: Path) -> None:
    engine = Engine()
    running = builds(repository, engine)
    entered = threading.Event()

    def enter_and_leave() -> None:
        with running:
            assert engine.full.wait(DEADLINE)
            entered.set()

    thread = threading.Thread(target=enter_and_leave)
    thread.start()
    assert entered.wait(DEADLINE)
    with running._changed:
        assert running._changed.wait_for(lambda: running._stopped, DEADLINE)
    engine.gate.set()
    thread.join(DEADLINE)
    assert not thread.is_alive()
    assert len(engine.begun) == WORKERS
