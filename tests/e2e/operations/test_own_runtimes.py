"""`make runtime` on the running installation: a runtime with a package from PyPI."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.clients.kubectl import InstallationKubectl
from support.data.names import ROOT, SANDBOXES
from support.deadline import until
from support.fixtures.executions import Execute

NAME = "python-e2e"
FOLDER = ROOT / "own-runtimes" / NAME
TIMEOUT = 900
"""Seconds for a build, and for that of the program that writes the SBOM."""
PROGRAM = """
import simpy

env = simpy.Environment()


def clock(env):
    yield env.timeout(3)
    print(simpy.__version__, env.now)


env.process(clock(env))
env.run()
"""


def cloche(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of `python -m cloche_cluster` on the installation."""
    return subprocess.run(
        [sys.executable, "-m", "cloche_cluster", *words],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
        cwd=ROOT,
    )


def locked_version() -> str:
    (line,) = [
        line
        for line in (FOLDER / "lock" / "pip.txt").read_text().splitlines()
        if line.startswith("simpy==")
    ]
    version, _, digest = line.removeprefix("simpy==").partition(" --hash=sha256:")
    assert len(digest) == 64
    return version


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    shutil.rmtree(FOLDER, ignore_errors=True)
    made = cloche("runtime", NAME, "--from", "py", "--pip", "simpy")
    assert made.returncode == 0, made.stderr
    yield FOLDER
    cloche("runtime-remove", NAME)
    shutil.rmtree(FOLDER)


def image(kubectl: InstallationKubectl) -> str:
    spec = kubectl.json("get", "sbr", NAME, "-n", SANDBOXES)["spec"]
    reference: str = spec["image"]
    return reference


@pytest.mark.usefixtures("folder")
def test_a_program_imports_the_locked_package(http: httpx.Client, execute: Execute) -> None:
    def listed() -> bool:
        return NAME in http.get("/api/v1/execute/languages").json()

    until(listed, f"{NAME} to be listed", 5)
    answer = execute(PROGRAM, NAME)
    assert (answer["stdout"], answer["exit_code"]) == (f"{locked_version()} 3\n", 0)


def test_a_second_build_from_the_lock_file_gives_the_same_image(
    folder: Path, kubectl: InstallationKubectl
) -> None:
    before, lock = image(kubectl), (folder / "lock" / "pip.txt").read_text()
    again = cloche("runtime", NAME)
    assert again.returncode == 0, again.stderr
    assert image(kubectl) == before
    assert (folder / "lock" / "pip.txt").read_text() == lock


def test_the_sbom_has_the_locked_package(folder: Path) -> None:
    document = json.loads((folder / f"own-{NAME}.cdx.json").read_text())
    packages = {part["purl"] for part in document["components"] if "purl" in part}
    assert f"pkg:pypi/simpy@{locked_version()}" in packages


@pytest.mark.usefixtures("folder")
def test_own_runtimes_are_listed() -> None:
    (line,) = [line for line in cloche("runtimes").stdout.splitlines() if line.startswith(NAME)]
    assert line.split(maxsplit=1)[1].endswith("available; pip: simpy")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((NAME, "--from", "cobol", "--pip", "x"), "error: FROM: there is no language 'cobol'"),
        (("No", "--from", "python", "--pip", "x"), "error: NAME: must be lowercase letters"),
        (
            ("absent", "--from", "python", "--apt", "no-such-package-e2e"),
            "error: APT: Debian has no package no-such-package-e2e",
        ),
    ],
    ids=("language", "name", "package"),
)
def test_a_mistake_is_one_sentence(words: tuple[str, ...], sentence: str) -> None:
    done = cloche("runtime", *words)
    assert (done.returncode, done.stderr[: len(sentence)]) == (1, sentence)
    assert "Traceback" not in done.stderr
    assert not (ROOT / "own-runtimes" / "absent").exists()
