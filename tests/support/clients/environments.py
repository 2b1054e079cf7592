"""Environments of third-party clients, each apart from the others and from the project's own.

The folder `tests/clients/environments/NAME` has a `requirements.txt` with hashes, or a
`package.json` with its `package-lock.json`. An environment is installed once, and again when these
files change.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from support.data.names import ROOT

_FOLDER = ROOT / "tests" / "clients" / "environments"
_INSTALLED = ROOT / ".cloche" / "clients"
_SECONDS = 600


def python_environment(name: str) -> Path:
    """Return the Python interpreter of an environment, installed if necessary."""
    given = _FOLDER / name / "requirements.txt"
    place, complete = _place(name, given)
    python = place / "bin" / "python"
    if not complete.exists():
        _run(sys.executable, "-m", "venv", str(place))
        _run(
            *(str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps"),
            "--no-compile",  # verl has thousands of files, of which a test imports two
            *("--disable-pip-version-check", "-r", str(given)),
        )
        complete.touch()
    return python


def node_environment(name: str) -> Path:
    """Return the directory of an environment of Node.js, installed if necessary."""
    lock = _FOLDER / name / "package-lock.json"
    place, complete = _place(name, lock)
    if not complete.exists():
        place.mkdir(parents=True)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(_FOLDER / name / file, place)
        _run("npm", "ci", "--prefix", str(place), "--no-audit", "--no-fund", "--ignore-scripts")
        complete.touch()
    return place


def _place(name: str, given: Path) -> tuple[Path, Path]:
    """Return the environment's directory, empty unless it is complete, and the mark of that."""
    digest = hashlib.sha256(given.read_bytes()).hexdigest()[:16]
    place = _INSTALLED / f"{name}-{digest}"
    complete = place / ".complete"
    if not complete.exists():
        shutil.rmtree(place, ignore_errors=True)
    return place, complete


def _run(*words: str) -> None:
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=_SECONDS, check=False,
        env={**os.environ, "PIP_NO_INPUT": "1"},
    )  # fmt: skip
    assert done.returncode == 0, f"{' '.join(words)}:\n{done.stdout}{done.stderr}"
