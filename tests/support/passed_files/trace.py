"""Record the files of the functions that run while something is handled."""

from __future__ import annotations

import contextlib
import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType


@contextlib.contextmanager
def recorded(counts: Callable[[], bool] = lambda: True) -> Iterator[dict[str, None]]:
    """Record the file of each function that this thread enters or resumes, by first entry.

    Args:
        counts: whether the code that is running now is recorded.
    """
    files: dict[str, None] = {}

    def note(frame: FrameType, event: str, _: object) -> None:
        file, name = frame.f_code.co_filename, frame.f_code.co_name
        is_new = event == "call" and file not in files
        if is_new and name != "<module>" and counts():  # an import is not a call
            files[file] = None

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield files
    finally:
        sys.setprofile(before)


def files_of(package: str, files: Iterable[str]) -> list[str]:
    """Return those of the recorded files that belong to a package, relative to it, in order."""
    place = importlib.import_module(package).__file__
    assert place is not None
    root = Path(place).parent
    return [str(Path(file).relative_to(root)) for file in files if Path(file).is_relative_to(root)]
