"""The suites of the tests, in the order in which they run. As a program it runs them.

`python tests/suites.py [--cluster CLUSTER] core|all|SUITE…`, from the repository's directory.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

SUITES = (
    *("unit", "integration", "e2e", "languages", "programs", "clients", "attacks", "chaos"),
    "recovery",
)
"""Each is a folder of tests/, and the pytest marker of every test in it."""
CORE = ("unit", "integration", "e2e")
WITHOUT_CLUSTER = ("unit", "integration")
"""They need no installation, and run in one pytest with a worker for each of two processors."""

_FOLDERS = (
    # Few and long files come first, so that no worker ends alone.
    *("integration/operator", "integration/chart"),
    *("e2e/contract", "e2e/failures", "e2e/executions", "e2e/operations"),
)
"""Folders in the order in which they run within their suite. The other folders come after them."""

_WORKERS = (
    "--numprocesses=2",
    "--dist=loadfile",
    "--no-loadscope-reorder",
    # pytest-xdist would give the test that ended a worker to each new one.
    "--max-worker-restart=0",
)
_MOST_FAILURES = 25
"""Failures after which a run of pytest ends: so many have one cause, and each may take minutes."""
_INTERRUPTED = 130
_TESTS = Path(__file__).parent


def suite_of(path: Path) -> str:
    """Return the suite of the test in the file `path`. Raises ValueError outside of all suites."""
    folder = path.relative_to(_TESTS).parts[0]
    if folder not in SUITES:
        raise ValueError(f"{path}: a test must be in one of tests/{', tests/'.join(SUITES)}")
    return folder


def place_of(path: Path) -> tuple[int, int]:
    """Return what tests are sorted by: the suite of the file `path`, then its folder's place."""
    inside = (n for n, folder in enumerate(_FOLDERS) if path.is_relative_to(_TESTS / folder))
    return SUITES.index(suite_of(path)), next(inside, len(_FOLDERS))


def runs_of(suites: Sequence[str]) -> list[tuple[str, ...]]:
    """Return which suites share a run of pytest: those without a cluster, and each other alone."""
    together = tuple(suite for suite in suites if suite in WITHOUT_CLUSTER)
    return [*([together] if together else []), *((s,) for s in suites if s not in together)]


def named(words: Sequence[str]) -> list[str]:
    """Return the suites that `words` name, in their order. Raises ValueError for another word."""
    known = {"core": CORE, "all": SUITES} | {suite: (suite,) for suite in SUITES}
    if unknown := [word for word in words if word not in known]:
        raise ValueError(f"there is no test suite {unknown[0]!r}; there are {', '.join(SUITES)}")
    wanted = {suite for word in words for suite in known[word]}
    return [suite for suite in SUITES if suite in wanted]


class Programs:
    """Runs programs one after the other, and none after an interruption."""

    def __init__(self) -> None:
        self.interrupted = False
        self._running: subprocess.Popen[bytes] | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._interrupt)

    def run(self, command: Sequence[str]) -> int:
        """Return the exit status of `command`, which ends by itself when this program must."""
        self._running = subprocess.Popen(command, cwd=_TESTS.parent)
        return self._running.wait()

    def _interrupt(self, number: int, _frame: FrameType | None) -> None:
        self.interrupted = True
        # A terminal sends SIGINT to the whole group; SIGTERM comes to this process alone.
        if number == signal.SIGTERM and self._running is not None:
            self._running.send_signal(signal.SIGINT)


def main() -> int:
    """Run the suites that the arguments name; 0 when all of them passed."""
    parser = argparse.ArgumentParser(prog="suites.py")
    parser.add_argument("--cluster", default="embedded", help="CLUSTER of `make up`")
    parser.add_argument("suites", nargs="+", metavar="core|all|SUITE")
    arguments = parser.parse_args()
    try:
        suites = named(arguments.suites)
    except ValueError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    programs = Programs()
    if not set(suites) <= set(WITHOUT_CLUSTER):
        cluster = f"CLUSTER={arguments.cluster}"
        for command in (["make", "up", cluster], ["make", "languages", cluster, "REQUIRE=all"]):
            status = programs.run(command)
            if status or programs.interrupted:
                return status or _INTERRUPTED
    failed: list[str] = []
    for run in runs_of(suites):
        workers = _WORKERS if run[0] in WITHOUT_CLUSTER else ()
        folders = [f"tests/{suite}" for suite in run]
        pytest = [sys.executable, "-m", "pytest", f"--maxfail={_MOST_FAILURES}"]
        if programs.run([*pytest, *workers, *folders]) != 0:
            failed.extend(run)
        if programs.interrupted:
            return _INTERRUPTED
    if failed:
        sys.stderr.write(f"error: failures in {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
