"""Gives compilers huge pages while they run."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")
"""For which memory the kernel uses huge pages: one of `always madvise never`, in brackets."""


@contextlib.contextmanager
def huge_pages(setting: Path = SETTING) -> Iterator[None]:
    """Let the kernel use huge pages for any memory within the block, and restore its setting.

    Compilers that run without a garbage collector touch new memory all the time: with huge pages
    etcd is built in 6 % less time. The setting is the whole machine's, because the kernel has none
    for one process that only adds them. Nothing is changed where it is `never`, or may not be
    written. After `kill -9` it stays `always` until the machine restarts.
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
