"""`python bench`: everything that docs/performance.md tells, measured in one run."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time

import uvloop
from client import take_precedence
from figures import Figures
from installation import ROOT, Installation, installation
from plan import NAMES, run
from progress import BenchError
from report import keep
from table import table
from world import QUICK, Sizes

from cloche_api.rest import ApiError, NoClusterError, UnavailableError

_INTERRUPTED = 130  # 128 and SIGINT's number, as shells have it


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench", description="Measure the installation that `make up` made."
    )
    parser.add_argument(
        "--quick", action="store_true", help="a smoke test of some minutes: small numbers"
    )
    parser.add_argument(
        "--only", nargs="+", metavar="ROW", choices=NAMES, help=f"these alone: {', '.join(NAMES)}"
    )
    return parser.parse_args()


async def _until_told(to: Installation, figures: Figures, sizes: Sizes, chosen: set[str]) -> None:
    """Run; Ctrl-C or SIGTERM ends it, and what it has made is removed."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):  # in a background job too
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await run(to, figures, sizes, chosen)


def main() -> int:
    """Measure, print, keep."""
    options = _options()
    take_precedence()
    sizes = QUICK if options.quick else Sizes()
    figures, began = Figures(sizes.burst), time.monotonic()
    chosen = set(options.only or NAMES)
    code = 0
    try:
        uvloop.run(_until_told(installation(), figures, sizes, chosen))
    except (BenchError, ApiError, NoClusterError, UnavailableError) as error:
        sys.stderr.write(f"error: {error}\n")
        code = 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.stderr.write("interrupted\n")
        code = _INTERRUPTED
    if not figures:
        return code
    sys.stdout.write(f"{table(figures)}\n")
    whole = not (code or options.quick or options.only)
    path = keep(figures, (time.monotonic() - began) / 60, whole=whole)
    sys.stdout.write(f"\n{path.relative_to(ROOT)}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
