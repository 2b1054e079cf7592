"""Own runtimes with a fake engine and a fake kubectl: what is built, locked and applied."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cloche_cluster.console import Console
from cloche_cluster.errors import ClusterError, CommandError
from cloche_cluster.images.table import Image
from cloche_cluster.images.tags import Tagged
from cloche_cluster.own.packages import Packages
from cloche_cluster.own.runtimes import InstalledRuntimes, OwnRuntimes, manifest, outdated

PACKAGES = Packages("python", pip=("simpy",))
BASE = Tagged(Image("runtime-python", Path("x"), base="runtime-base"), "0123", ())
OWN = Tagged(Image("own-python-nlp", Path("Dockerfile")), "4567", ())
PYTHON: dict[str, Any] = {
    "metadata": {"name": "python"},
    "spec": {
        "image": "registry.example.com/cloche/runtime-python:0123",
        "aliases": ["py"],
        "run": {"command": ["python3", "main.py"]},
        "pool": {"size": 2},
    },
}


@dataclass
class Engine:
    """An engine that writes a lock file, and records what it builds."""

    problem: str = ""
    version: str = "4.1.1"
    stored: set[str] = field(default_factory=set)
    exported: list[str] = field(default_factory=list)
    built: list[str] = field(default_factory=list)

    def references(self) -> set[str]:
        return self.stored

    def export(
        self, context: Path, dockerfile: Path, target: Path, arguments: Mapping[str, str]
    ) -> None:
        assert "in_image.py lock" in (context / dockerfile).read_text()
        assert json.loads((context / "packages.json").read_text()) == PACKAGES.lists
        self.exported.append(arguments["BASE"])
        self._fail()
        target.mkdir()
        (target / "pip.txt").write_text(f"simpy=={self.version} --hash=sha256:00\n")

    def build(
        self, context: Path, dockerfile: Path, reference: str, arguments: Mapping[str, str]
    ) -> None:
        assert "in_image.py install" in (context / dockerfile).read_text()
        assert (context / "lock" / "pip.txt").is_file()
        assert arguments == {"BASE": BASE.reference}
        self._fail()
        self.built.append(reference)
        self.stored.add(reference)

    def _fail(self) -> None:
        if self.problem:
            raise CommandError(f"buildah failed with exit code 1:\n    {self.problem}\n    end")


class Kubectl:
    """kubectl with these SandboxRuntimes; it records other calls."""

    def __init__(self, *runtimes: Mapping[str, Any]) -> None:
        self.runtimes = runtimes
        self.calls: list[tuple[str, ...]] = []

    def json(self, *_words: str) -> dict[str, Any]:
        return {"items": list(self.runtimes)}

    def run(self, *words: str) -> str:
        self.calls.append(words)
        return ""


def own(tmp_path: Path) -> OwnRuntimes:
    return OwnRuntimes(tmp_path / "own-runtimes", Console(stream=io.StringIO()))


def installed(*runtimes: Mapping[str, Any]) -> InstalledRuntimes:
    kubectl: Any = Kubectl(*runtimes)
    return InstalledRuntimes(kubectl)


def made(name: str = "python-nlp") -> dict[str, Any]:
    return manifest(name, PYTHON, OWN, PACKAGES)


def test_the_lock_file_decides_on_the_image(tmp_path: Path) -> None:
    engine: Any = Engine()
    runtimes = own(tmp_path)
    assert not runtimes.is_locked("nlp", PACKAGES)
    runtimes.lock("nlp", PACKAGES, BASE.reference, engine)
    assert runtimes.is_locked("nlp", PACKAGES)
    assert not runtimes.is_locked("nlp", Packages("python", pip=("other",)))
    first = runtimes.build("nlp", PACKAGES, BASE, engine)
    assert first.reference.startswith("docker.io/cloche/own-nlp:")
    assert runtimes.build("nlp", PACKAGES, BASE, engine).tag == first.tag
    assert engine.built == [first.reference]
    engine.version = "4.1.2"
    runtimes.lock("nlp", PACKAGES, BASE.reference, engine)
    assert runtimes.build("nlp", PACKAGES, BASE, engine).tag != first.tag
    assert engine.exported == [BASE.reference] * 2


def test_the_folder_is_a_context_of_any_engine(tmp_path: Path) -> None:
    engine: Any = Engine()
    own(tmp_path).lock("nlp", PACKAGES, BASE.reference, engine)
    own(tmp_path).build("nlp", PACKAGES, BASE, engine)
    folder = tmp_path / "own-runtimes" / "nlp"
    found = {path.name for path in folder.iterdir()}
    assert found == {"Dockerfile", "in_image.py", "lock", "packages.json", "packages.yaml"}
    assert own(tmp_path).names() == ["nlp"]
    assert own(tmp_path).packages("nlp") == PACKAGES


def test_a_package_that_does_not_exist_is_one_sentence_and_keeps_the_lock_file(
    tmp_path: Path,
) -> None:
    engine: Any = Engine()
    own(tmp_path).lock("nlp", PACKAGES, BASE.reference, engine)
    engine.problem = "PROBLEM: PIP: there is no wheel of simpi for this Python"
    with pytest.raises(ClusterError, match=r"^PIP: there is no wheel of simpi for this Python$"):
        own(tmp_path).lock("nlp", PACKAGES, BASE.reference, engine)
    assert own(tmp_path).is_locked("nlp", PACKAGES)


def test_another_failure_of_the_build_is_shown_as_it_is(tmp_path: Path) -> None:
    engine: Any = Engine(problem="no space left on device")
    with pytest.raises(ClusterError, match="no space left on device"):
        own(tmp_path).lock("nlp", PACKAGES, BASE.reference, engine)
    assert own(tmp_path).names() == []


def test_a_runtime_without_a_folder_is_an_error_with_an_example(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"^there is no own-runtimes/nlp: name a language"):
        own(tmp_path).packages("nlp")


def test_the_runtime_is_the_languages_with_another_image_and_no_aliases() -> None:
    found = made()
    assert found["metadata"]["name"] == "python-nlp"
    assert found["metadata"]["labels"] == {"cloche.dev/own-runtime": "true"}
    assert found["metadata"]["annotations"]["cloche.dev/base"] == "python"
    assert found["spec"] == {
        "image": "registry.example.com/cloche/own-python-nlp:4567",
        "run": {"command": ["python3", "main.py"]},
        "pool": {"size": 2},
    }
    assert PYTHON["spec"]["aliases"] == ["py"]


def test_packages_of_maven_are_on_the_class_path_of_every_way_to_run() -> None:
    run = ["java", "-cp", ".classes:.", "@.main"]
    entries = [{"name": "junit", "run": {"command": ["java", "-cp", ".classes", "Launcher"]}}]
    compiler = {"command": ["java", "-cp", "/opt/java/compile.jar", "Compile"]}
    spec: dict[str, Any] = {"compile": compiler, "run": {"command": run}, "entries": entries}
    spec["prestart"] = {"processes": [{"name": "compiler", **compiler}]}
    spec["image"] = "cloche/runtime-java:1"
    java = {"metadata": {"name": "java"}, "spec": spec}
    found = manifest("own", java, OWN, Packages("java", maven=("a:b:1",)))["spec"]
    assert found["run"]["command"] == ["java", "-cp", ".classes:.:/opt/own/java/*", "@.main"]
    assert found["entries"][0]["run"]["command"][2] == ".classes:/opt/own/java/*"
    assert found["compile"]["command"][2] == "/opt/java/compile.jar:/opt/own/java/*"
    assert found["prestart"]["processes"][0]["command"] == found["compile"]["command"]
    assert manifest("own", java, OWN, Packages("java", apt=("x",)))["spec"]["run"] == spec["run"]


def test_the_language_is_found_by_name_or_alias() -> None:
    assert installed(PYTHON).base("python-nlp", "py") == PYTHON
    assert installed(PYTHON, made()).base("python-nlp", "python") == PYTHON


@pytest.mark.parametrize(
    ("name", "language", "sentence"),
    [
        ("nlp", "cobol", "FROM: there is no language 'cobol'; installed are python"),
        ("nlp", "python-nlp", "FROM: there is no language 'python-nlp'; installed are python"),
        ("python", "python", "NAME: python is a name of the language python: choose another"),
        ("py", "python", "NAME: py is a name of the language python: choose another"),
        ("No", "python", "NAME: must be lowercase letters"),
    ],
)
def test_wrong_names_are_rejected_in_words(name: str, language: str, sentence: str) -> None:
    with pytest.raises(ClusterError, match=f"^{sentence}"):
        installed(PYTHON, made()).base(name, language)


def test_only_own_runtimes_are_removed() -> None:
    kubectl: Any = Kubectl(PYTHON, made())
    with pytest.raises(ClusterError, match=r"no own runtime 'python'; installed are: python-nlp"):
        InstalledRuntimes(kubectl).remove("python")
    assert kubectl.calls == []
    InstalledRuntimes(kubectl).remove("python-nlp")
    assert kubectl.calls == [("delete", "sbr", "python-nlp", "-n", "cloche-sandboxes")]


def test_a_runtime_on_an_older_image_is_outdated() -> None:
    newer = {**PYTHON, "spec": PYTHON["spec"] | {"image": "cloche/runtime-python:89ab"}}
    assert outdated({"python": PYTHON, "python-nlp": made()}) == []
    assert outdated({"python": newer, "python-nlp": made()}) == ["python-nlp"]
    assert outdated({"python-nlp": made()}) == []
