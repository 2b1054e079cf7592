"""cloche-client as its users install it: from a wheel or an sdist, without this checkout."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from support.data.names import ROOT

_REQUIREMENTS = ROOT / "tests" / "clients" / "environments" / "client" / "requirements.txt"
_SECONDS = 300


@dataclass(frozen=True)
class Built:
    """The files that a release consists of."""

    wheel: Path
    sdist: Path


def build(folder: Path) -> Built:
    """Build wheel and sdist into a folder, from a copy of the tracked files."""
    source = folder / "source"
    shutil.copytree(ROOT / "client", source, ignore=shutil.ignore_patterns("__pycache__"))
    for kind in ("wheel", "sdist"):
        run(sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder), cwd=source)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return Built(wheel, sdist)


def wheel_of_sdist(sdist: Path, folder: Path) -> Path:
    """Build the wheel from the sdist alone, as pip does where there is no wheel."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (source,) = (one for one in folder.iterdir() if one.is_dir())
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=source)
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, python: str) -> Path:
    """Install a wheel into an environment of this Python; its `bin`.

    The environment with the pinned dependencies is kept, as those of other clients are.
    """
    digest = hashlib.sha256(_REQUIREMENTS.read_bytes() + python.encode()).hexdigest()[:16]
    place = ROOT / ".cloche" / "clients" / f"client-{digest}"
    pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps"]
    pip.append("--disable-pip-version-check")
    complete = place / ".complete"
    if not complete.exists():
        shutil.rmtree(place, ignore_errors=True)
        run(python, "-m", "venv", str(place))
        run(*pip, "--require-hashes", "-r", str(_REQUIREMENTS))
        complete.touch()
    run(*pip, "--force-reinstall", str(wheel))
    return place / "bin"


@functools.cache
def newest_python() -> str:
    """Return a Python 3.13: from the PATH, else from pyenv."""
    if found := shutil.which("python3.13"):
        done = subprocess.run([found, "--version"], capture_output=True, check=False)
        if done.returncode == 0:  # pyenv's shim fails if the version is not selected
            return found
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    there = sorted(versions.glob("3.13*/bin/python3.13"))
    assert there, "there is no Python 3.13: install python3.13, or pyenv with it"
    return str(there[-1])


def run(*words: str, cwd: Path | None = None) -> str:
    """Return the output of a program that must succeed."""
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        words, cwd=cwd, env=environ | {"PIP_NO_INPUT": "1"}, capture_output=True, text=True,
        check=False, timeout=_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, f"{' '.join(words)}:\n{done.stdout}{done.stderr}"
    return done.stdout
