"""The files of the two compared revisions, separate from files that are edited meanwhile."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from access.installation import ROOT
from figures.files import UNKEPT
from progress import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BASE, _HERE = UNKEPT / "base", UNKEPT / "here"
_INSTALLED = ("charts", "crds", "runtimes")
"""The directories of a checkout that an installation reads after its images are built."""


def commit_of(revision: str) -> str:
    """Return the commit of a revision.

    Raises:
        BenchError: git does not know the revision.
    """
    words = ("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    try:
        return _git(*words)
    except BenchError as error:
        raise BenchError(f"BASE={revision} is not a revision of this repository: {error}") from None


@contextmanager
def work_tree(commit: str) -> Iterator[Path]:
    """Provide a work tree of a commit for the block.

    Raises:
        BenchError: git could not create it.
    """
    _remove_base()  # the leftovers of a killed run
    _git("worktree", "add", "--quiet", "--detach", str(_BASE), commit)
    try:
        yield _BASE
    finally:
        _remove_base()


@contextmanager
def snapshot() -> Iterator[Path]:
    """Provide a copy of this checkout's chart, CRDs and runtimes for the block."""
    shutil.rmtree(_HERE, ignore_errors=True)
    for name in _INSTALLED:
        shutil.copytree(ROOT / name, _HERE / name, symlinks=True)
    try:
        yield _HERE
    finally:
        shutil.rmtree(_HERE, ignore_errors=True)


def _remove_base() -> None:
    shutil.rmtree(_BASE, ignore_errors=True)
    _git("worktree", "prune")


def _git(*words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), *words], check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise BenchError(done.stderr.strip())
    return done.stdout.strip()
