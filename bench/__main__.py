"""`python bench`: measure everything in docs/design/performance.md in one run, or parts of it."""

from __future__ import annotations

import argparse
import sys
import time

import interrupts
from access.client import precedence
from access.installation import ROOT, installation
from figures.files import keep
from figures.run import Figures
from figures.stats import MOST
from figures.table import table
from plan import MAIN_ROWS, NAMES, run
from progress import BenchError
from revisions.compare import LEAST_ROUNDS, ROUNDS, compare
from world import MAIN, QUICK, Sizes

from cloche_cluster.errors import ClusterError
from cloche_kube.errors import KubeError, NoClusterError

_INTERRUPTED = 130  # 128 plus the number of SIGINT, as in shells


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench",
        description="Measure the installation that `make up` made, or compare two revisions on it.",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--quick",
        action="store_true",
        help="a smoke test with small numbers, which takes some minutes",
    )
    what.add_argument(
        "--only",
        nargs="+",
        metavar="ROW",
        choices=NAMES,
        help=f"only these rows: {', '.join(NAMES)}",
    )
    what.add_argument(
        "--main",
        action="store_true",
        help=f"the main rows within five minutes: {', '.join(MAIN_ROWS)}",
    )
    what.add_argument(
        "--base",
        metavar="REV",
        help="install a revision and this checkout in turns, and print for the main rows the ratio "
        "of this checkout to REV with its 95 %% interval",
    )
    parser.add_argument(
        "--rounds",
        type=_rounds,
        default=ROUNDS,
        metavar="N",
        help=f"rounds of --base, each a turn of both, {LEAST_ROUNDS} to {MOST} (default "
        "%(default)s): four times as many make the intervals half as wide",
    )
    parser.add_argument(
        "--base-runtime-class",
        metavar="NAME",
        help="the RuntimeClass of the base's sandbox Pods, to compare what runs Pods on the node "
        "(default: the one of this checkout's)",
    )
    return parser.parse_args()


def _rounds(text: str) -> int:
    if not text.isdecimal() or not LEAST_ROUNDS <= int(text) <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r}: must be {LEAST_ROUNDS} to {MOST}")
    return int(text)


def _measure(options: argparse.Namespace) -> None:
    """Measure, print and save; an interrupted run also saves its results so far."""
    sizes = QUICK if options.quick else MAIN if options.main else Sizes()
    chosen = set(options.only or (MAIN_ROWS if options.main else NAMES))
    figures, began, whole = Figures(sizes.burst), time.monotonic(), False
    try:
        interrupts.run(run(installation(), figures, sizes, chosen))
        whole = not (options.quick or options.main or options.only)
    finally:
        if figures:
            sys.stdout.write(f"{table(figures)}\n")
            path = keep(figures, (time.monotonic() - began) / 60, whole=whole)
            sys.stdout.write(f"\n{path.relative_to(ROOT)}\n")


def main() -> int:
    """Run the command line and return 0, 1 with a message on standard error, or 130."""
    options = _options()
    interrupts.arm()
    try:
        if options.base:
            compare(installation(), options.base, options.rounds, options.base_runtime_class)
        else:
            with precedence():
                _measure(options)
    except (BenchError, ClusterError, KubeError, NoClusterError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return _INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
