"""Runs other programs: the one place that starts a process and waits for it."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import TYPE_CHECKING

from cloche_cluster.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LAST_LINES = 15
"""How many of a failed program's last lines its error carries: enough for a compiler's message."""


def run(
    argv: Sequence[str | Path],
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    cwd: Path | None = None,
) -> str:
    """Run `argv` to its end and return its standard output as text.

    `env` is added to this process's environment; `timeout` is in seconds. Raises CommandError
    when the program is missing, fails or takes too long.
    """
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
            cwd=cwd,
            env={**os.environ, **env} if env else None,
        )
    except FileNotFoundError:
        raise CommandError(f"{words[0]} is not installed") from None
    except PermissionError:
        raise CommandError(f"{words[0]} may not be run by this user") from None
    except subprocess.TimeoutExpired:
        raise CommandError(f"`{_shown(words)}` did not end within {timeout:.0f} s") from None
    if done.returncode != 0:
        raise CommandError(_failure(words, done.returncode, done.stderr or done.stdout))
    return done.stdout


def answers(argv: Sequence[str | Path], *, timeout: float) -> str | None:
    """Return what `argv` printed, or None when it is missing, fails or is late: a look, no step."""
    try:
        return run(argv, timeout=timeout)
    except CommandError:
        return None


def _failure(words: Sequence[str], code: int, output: str) -> str:
    lines = [line for line in output.strip().splitlines() if line.strip()][-LAST_LINES:]
    indented = "".join(f"\n    {line}" for line in lines)
    return f"`{_shown(words)}` failed with exit code {code}{':' if lines else ''}{indented}"


def _shown(words: Sequence[str], limit: int = 160) -> str:
    text = shlex.join(words)
    return text if len(text) <= limit else f"{text[:limit]}…"
