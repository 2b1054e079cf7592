"""Enable huge pages while compilers run."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")
"""The memory for which the kernel uses huge pages: `always madvise never`, one in brackets."""


@contextlib.contextmanager
def huge_pages(setting: Path = SETTING) -> Iterator[None]:
    """Let the kernel use huge pages for all memory during the block, then restore the setting.

    Compilers without garbage collection keep touching new memory; huge pages build etcd in 6 % less
    time. The setting is machine-wide, because the kernel has none that enables huge pages for one
    process. It is not changed if it is `never` or not writable. After `kill -9` it stays `always`
    until the machine restarts.
    """
    if not _is_on_request(setting):
        yield
        return
    setting.write_text("always")
    try:
        yield
    finally:
        setting.write_text("madvise")


def _is_on_request(setting: Path) -> bool:
    try:
        return "[madvise]" in setting.read_text() and os.access(setting, os.W_OK)
    except OSError:
        return False
