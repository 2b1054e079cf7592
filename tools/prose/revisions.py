"""The files of the working tree and of a revision, which is not checked out."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from prose import comments, markdown, python

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prose.passage import Passage

ROOT = Path(__file__).parents[2]
_RENAMED = ("-M30%", "-l0")
"""Pairs files that have 30 % of their lines in common: the prose of a moved file changes too."""
_LARGEST = 1_000_000
"""Bytes. Larger files are recorded results."""


class RevisionError(Exception):
    """git does not know a revision. The message names it."""


class Files(Protocol):
    """The texts of one state of the repository, by path."""

    def read(self) -> dict[str, str]:
        """Return the text of each file that is UTF-8."""
        ...


class WorkingTree:
    """The files that git tracks or would add, as they are on disk."""

    def read(self) -> dict[str, str]:
        """Return the text of each file that is UTF-8."""
        listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        texts: dict[str, str] = {}
        for name in sorted(set(listed.split("\0"))):
            path = ROOT / name
            if name and path.is_file() and not path.is_symlink():
                _keep(texts, name, path.read_bytes())
        return texts


class Revision:
    """The files of a commit."""

    def __init__(self, name: str) -> None:
        """Find the commit that `name` means. Raises RevisionError if there is none."""
        words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        try:
            self.commit = _git(*words).strip()
        except subprocess.CalledProcessError:
            raise RevisionError(f"git does not know the revision {name}") from None

    def read(self) -> dict[str, str]:
        """Return the text of each file that is UTF-8."""
        blobs = [(name, sha) for mode, sha, name in self._entries() if mode in {"100644", "100755"}]
        asked = "".join(f"{sha}\n" for _, sha in blobs).encode()
        done = subprocess.run(
            ["git", "-C", str(ROOT), "cat-file", "--batch"],
            input=asked, capture_output=True, check=True,
        )  # fmt: skip
        texts: dict[str, str] = {}
        at = 0
        for name, _ in blobs:
            end = done.stdout.index(b"\n", at)
            size = int(done.stdout[at:end].split()[2])
            _keep(texts, name, done.stdout[end + 1 : end + 1 + size])
            at = end + size + 2
        return texts

    def moved(self) -> dict[str, str]:
        """Return the path in the working tree of each file that was renamed since."""
        listed = _git("diff", "--name-status", "-z", *_RENAMED, "--diff-filter=R", self.commit)
        words = listed.split("\0")
        return {words[at + 1]: words[at + 2] for at in range(0, len(words) - 2, 3)}

    def _entries(self) -> Iterator[tuple[str, str, str]]:
        for entry in _git("ls-tree", "-r", "-z", self.commit).split("\0"):
            if entry:
                facts, name = entry.split("\t", 1)
                mode, _, sha = facts.split()
                yield mode, sha, name


def passages(files: Files) -> list[Passage]:
    """Return all passages of a state of the repository, ordered by path and line."""
    found: list[Passage] = []
    for path, text in sorted(files.read().items()):
        found.extend(of_file(path, text))
    return found


def of_file(path: str, text: str) -> Sequence[Passage]:
    """Return the passages of one file."""
    if path.endswith(".md"):
        return list(markdown.paragraphs(path, text))
    if path.endswith(".py"):
        return python.passages(path, text)
    return list(comments.comments(path, text))


def whole(path: str, text: str) -> list[Passage]:
    """Return each paragraph of a plain text as a passage."""
    return list(markdown.paragraphs(path, "\n".join(line.strip() for line in text.splitlines())))


def _keep(texts: dict[str, str], name: str, content: bytes) -> None:
    if len(content) > _LARGEST:
        return
    try:
        texts[name] = content.decode()
    except UnicodeDecodeError:
        return


def _git(*words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True
    )
    return done.stdout
