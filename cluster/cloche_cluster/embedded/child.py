"""A program that runs within a block and never outlives this process, for tests."""

from __future__ import annotations

import ctypes
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_STOP_SECONDS = 15.0
_PR_SET_PDEATHSIG = 1
"""linux/prctl.h: the kernel kills the child when its parent dies, so that no test leaves any."""


@contextmanager
def running(argv: Sequence[str | Path], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `argv` beside `log`, which takes its output; it gets SIGTERM at the block's end."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=log.parent,
            preexec_fn=_die_with_parent,  # noqa: PLW1509  # no lock is taken in it
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
