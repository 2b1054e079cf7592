"""Run a program for the duration of a block, for tests. It never outlives this process."""

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
"""linux/prctl.h: the kernel kills the child when its parent dies."""


@contextmanager
def running(argv: Sequence[str | Path], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `argv` with its output in `log`, in the log's directory. It gets SIGTERM at the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=log.parent,
            preexec_fn=_die_with_parent,  # noqa: PLW1509  # noqa: PLW1509  # it takes no lock
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
