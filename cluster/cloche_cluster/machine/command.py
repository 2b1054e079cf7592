"""Run other programs and wait for conditions. All processes that are awaited start here."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shlex
import signal
import subprocess
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from cloche_cluster.errors import ClusterError, CommandError, LateError
from cloche_cluster.machine.processes import descendants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

LAST_LINES = 15
"""Number of last lines of a failed program's output in its error: enough for a compiler's
message."""
_LINE_LENGTH = 300
"""Maximum characters of a line in an error; some programs print whole scripts as one line."""
_STOP_SECONDS = 15.0
"""How long a program may take to end after SIGTERM."""
_PR_SET_PDEATHSIG = 1
"""linux/prctl.h: the kernel kills the child when its parent dies."""


def run(  # noqa: PLR0913  the options of subprocess.run
    argv: Sequence[str | Path],
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    cwd: Path | None = None,
    uninterrupted: bool = False,
) -> str:
    """Run `argv` to its end and return its standard output as text.

    `env` is added to this process's environment; `timeout` is in seconds. With `uninterrupted`,
    Ctrl-C takes effect after the program has ended, because a package manager must not be stopped
    midway. Raises CommandError if the program is missing or fails, LateError if it exceeds the
    timeout.
    """
    words = [str(word) for word in argv]
    with _started(words, env, cwd, stdin=stdin, own_session=uninterrupted) as process:
        try:
            output, errors = process.communicate(stdin, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise _late(words, timeout) from None
        except KeyboardInterrupt:
            if uninterrupted:
                process.communicate(timeout=timeout)
            raise
    if process.returncode != 0:
        raise CommandError(_failure(words, process.returncode, errors or output))
    return output


def follow(
    argv: Sequence[str | Path],
    heard: Callable[[str], None],
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Run `argv` to its end and pass each line of its standard error to `heard` immediately.

    For programs that report progress on stderr. Raises CommandError and LateError like `run`.
    """
    words = [str(word) for word in argv]
    last: deque[str] = deque(maxlen=LAST_LINES)
    with _started(words, env, cwd, stdout=subprocess.DEVNULL) as process:
        late = threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(timeout, stop)
        timer.start()
        try:
            assert process.stderr is not None
            for line in process.stderr:
                last.append(line)
                heard(line.rstrip("\n"))
            process.wait()
        finally:
            timer.cancel()
    if late.is_set():
        raise _late(words, timeout)
    if process.returncode != 0:
        raise CommandError(_failure(words, process.returncode, "".join(last)))


@contextlib.contextmanager
def running(argv: Sequence[str | Path], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `argv` for the block, with its output in `log`. It never outlives this process.

    Its directory is that of the log. It gets SIGTERM at the end.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=log.parent,
            preexec_fn=_die_with_parent,  # noqa: PLW1509  it takes no lock
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


def wait_until(
    condition: Callable[[], bool],
    *,
    seconds: float,
    what: str,
    details: Callable[[], str] = str,
    interval: float = 0.1,
) -> None:
    """Return when `condition` holds.

    Raises ClusterError `WHAT within N sDETAILS` if it does not hold within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ClusterError(f"{what} within {seconds:.0f} s{details()}")
        time.sleep(interval)


def end_children() -> None:
    """Send SIGTERM to every descendant of this process, as for Ctrl-C.

    Processes in another session are skipped: they must outlive this program or must not be
    interrupted.
    """
    for pid in descendants(os.getpid(), os.getsid(0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


@contextlib.contextmanager
def _started(  # noqa: PLR0913  as `run`
    words: Sequence[str],
    env: Mapping[str, str] | None,
    cwd: Path | None,
    *,
    stdin: str | None = None,
    stdout: int = subprocess.PIPE,
    own_session: bool = False,
) -> Iterator[subprocess.Popen[str]]:
    """Start a program for the duration of the block; kill it if the block raises."""
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            cwd=cwd,
            env={**os.environ, **env} if env else None,
            start_new_session=own_session,
        )
    except FileNotFoundError:
        raise CommandError(f"{words[0]} is not installed") from None
    except PermissionError:
        raise CommandError(f"this user is not permitted to run {words[0]}") from None
    with process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _late(words: Sequence[str], timeout: float) -> LateError:
    return LateError(f"`{_shown(words)}` did not end within {timeout:.0f} s")


def answers(argv: Sequence[str | Path], *, timeout: float) -> str | None:
    """Return what `argv` printed, or None if it is missing, fails or exceeds the timeout."""
    try:
        return run(argv, timeout=timeout)
    except CommandError:
        return None


_CAUSES = (
    (r"no space left on device", "the disk is full: free some space"),
    (
        (
            r"temporary failure (?:in name resolution|resolving)|could(?: not|n't) resolve|"
            r"failed to fetch|dial tcp|connection (?:refused|reset|timed out)|no route to host|"
            r"network is unreachable|i/o timeout|tls handshake timeout|max retries exceeded|"
            r"ReadTimeoutError|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED"
        ),
        "a package source does not respond: check the network",
    ),
)
"""Patterns in a failed program's output, with the cause and what to do about it."""


def cause(output: str) -> str | None:
    """Return why a program failed and what to do, if its output shows a known cause."""
    for pattern, sentence in _CAUSES:
        if re.search(pattern, output, re.IGNORECASE):
            return f"{sentence}, then run the same command again; it continues from here"
    return None


def _failure(words: Sequence[str], code: int, output: str) -> str:
    lines = [line for line in output.strip().splitlines() if line.strip()][-LAST_LINES:]
    indented = "".join(f"\n    {line[:_LINE_LENGTH]}" for line in lines)
    known = cause(output)
    why = f"{known}\n" if known else ""
    return f"{why}`{_shown(words)}` failed with exit code {code}{':' if lines else ''}{indented}"


def _shown(words: Sequence[str], limit: int = 160) -> str:
    text = shlex.join(words)
    return text if len(text) <= limit else f"{text[:limit]}…"
