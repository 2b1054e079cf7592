"""`python -m support.model`: check docs/design/model exhaustively, with spin and a C compiler.

Prints states, memory and seconds of each search. Exits with 1 if a search has an unexpected result:
the protocol must have no error, and each old behaviour that can be enabled must have one.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from cloche_cluster.console import Console
from cloche_cluster.machine.apt import ensure_packages

MODEL = Path(__file__).parents[2] / "docs" / "design" / "model" / "exactly_once.pml"
_PACKAGES = ("spin", "gcc", "libc6-dev")
_COMPILE = ("gcc", "-O2", "-DSAFETY", "-DNOFAIR", "-DNOBOUNDCHECK", "-w")
_DEPTH = "-m10000"  # the longest path found is below 100
_ALONE = "ONE_EXECUTION"


@dataclass(frozen=True)
class Search:
    """One search: maximum number of faults, definitions, and whether an error is expected."""

    faults: int
    definitions: tuple[str, ...] = ()
    fails: bool = False

    @property
    def name(self) -> str:
        """A short description."""
        return " ".join((f"{self.faults} faults", *self.definitions))


OLD_BEHAVIOURS = (
    Search(1, (_ALONE, "DEATH_PROVES_NO_START"), fails=True),
    Search(1, (_ALONE, "END_OF_STREAM_PROVES"), fails=True),
    Search(1, (_ALONE, "ATTACH_BY_NAME_ALONE"), fails=True),
    Search(1, (_ALONE, "RECORD_UNCONDITIONALLY"), fails=True),
    Search(1, (_ALONE, "NAMED_POD_IS_NO_CLAIM"), fails=True),
    Search(1, (_ALONE, "TAKEN_UP_AS_NEW_AGAIN"), fails=True),
    Search(2, (_ALONE, "SEND_INTO_ANY_POD"), fails=True),
    Search(1, (_ALONE, "SEND_WITHOUT_FENCE"), fails=True),
    Search(2, (_ALONE, "LEAD_AGAIN_AFTER_ANOTHER"), fails=True),
    Search(1, (_ALONE, "CLAIM_WITHOUT_FENCE"), fails=True),
    Search(1, (_ALONE, "REFUSE_WITHOUT_FENCE"), fails=True),
)
ONE = (Search(1, (_ALONE,)), *OLD_BEHAVIOURS)
"""The searches of the unit tests: about twenty seconds and 0.3 GiB."""
_NAMED_TWICE = "BOTH_NAME_ONE_POD"
_SMALL = (
    *("OPERATOR_DIES", "CONNECTION_LOST", "RUN_FAILS", "PROGRAM_KILLED", "CONTAINERD_DIES"),
    *("LOG_CUT", "NODE_LOST"),
)
"""Kinds of faults with few states when two executions name one Pod."""
_REUSED = "REUSED"
TWO = (
    Search(2, (_ALONE, "LOG_WITHOUT_START_PROVES"), fails=True),
    Search(1, (_NAMED_TWICE, _REUSED, "END_OF_ANOTHER_PROVES", "ONLY=LEASE_LOST"), fails=True),
    Search(2, (_ALONE,)),
    Search(1),
    *(Search(1, (_NAMED_TWICE, f"ONLY={kind}")) for kind in _SMALL),
    *(Search(1, (_NAMED_TWICE, _REUSED, f"ONLY={kind}")) for kind in _SMALL),
)
"""Additional searches of CI: some minutes and 5 GiB."""
LARGE = (*ONE, *TWO, Search(1, (_NAMED_TWICE, "ONLY=LEASE_LOST")))


@dataclass(frozen=True)
class Found:
    """The result of a search."""

    error: str | None
    """The violated assertion, as in the model."""
    states: int
    megabytes: float
    seconds: float


def search(wanted: Search, megabytes: int) -> Found:
    """Search all states within this amount of memory. Installs the required Debian packages.

    Raises:
        RuntimeError: the search was not completed; the message contains pan's output.
        subprocess.CalledProcessError: spin or the compiler failed.
    """
    ensure_packages(_PACKAGES, Console())
    definitions = [f"-D{name}" for name in (f"FAULTS={wanted.faults}", *wanted.definitions)]
    with tempfile.TemporaryDirectory() as place:

        def run(*command: str) -> None:
            subprocess.run(command, cwd=place, check=True, capture_output=True, text=True)

        run("spin", "-a", *definitions, str(MODEL))
        run(*_COMPILE, f"-DMEMLIM={megabytes}", "-o", "pan", "pan.c")
        began = time.monotonic()
        done = subprocess.run(
            ["./pan", _DEPTH, "-w24"], cwd=place, check=False, capture_output=True, text=True
        )
        seconds = time.monotonic() - began
    return _read(done.stdout, seconds)


def _read(text: str, seconds: float) -> Found:
    states = re.search(r"^\s*(\d+) states, stored", text, re.MULTILINE)
    memory = re.search(r"^\s*([\d.]+)\s+total actual memory usage", text, re.MULTILINE)
    if states is None or memory is None or "max search depth" in text or "out of memory" in text:
        raise RuntimeError(f"the search did not end:\n{text}")
    error = re.search(r"^pan:\d+: (.*)$", text, re.MULTILINE)
    complete = "Search not completed" not in text
    if error is None and not complete:
        raise RuntimeError(f"the search did not end:\n{text}")
    return Found(error and error[1], int(states[1]), float(memory[1]), seconds)


def main() -> int:
    """Run the searches and print the results."""
    parser = argparse.ArgumentParser(prog="model")
    parser.add_argument("--two", action="store_true", help="only what CI searches in addition")
    parser.add_argument("--megabytes", type=int, default=7500, help="of memory for each search")
    arguments = parser.parse_args()
    wrong = False
    for wanted in TWO if arguments.two else LARGE:
        found = search(wanted, arguments.megabytes)
        wrong = wrong or (found.error is not None) is not wanted.fails
        sys.stdout.write(
            f"{wanted.name}: {found.error or 'no error'}; {found.states:,} states, "
            f"{found.megabytes:,.0f} MiB, {found.seconds:.1f} s\n"
        )
        sys.stdout.flush()
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
