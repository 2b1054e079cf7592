"""`python -m attacks`: run a thousand fork bombs, memory hogs and output floods each.

An interrupted run is continued by the next; its progress is in tests/attacks/results. At the end
the node must hold nothing that it did not hold before.
"""

from __future__ import annotations

import argparse
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

from support.clients.installation_api import InstallationApi, installation_api
from support.fixtures.installation import installed

from attacks.floods import FLOODS, Flood
from attacks.harness.node import holdings, settled
from attacks.harness.progress import Progress
from attacks.harness.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

_INTERRUPTED = 130


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m attacks", description=__doc__)
    parser.add_argument("--times", type=int, default=334, help="how many of each (334)")
    parser.add_argument("--together", type=int, default=3, help="how many at a time (3)")
    parser.add_argument("--fresh", action="store_true", help="begin anew")
    return parser.parse_args()


def _left(progress: Progress, times: int) -> Iterator[Flood]:
    """Yield the remaining attacks, alternating between the kinds."""
    for number in range(times):
        for flood in FLOODS:
            if progress.done(flood.name) <= number:
                yield flood


def _attack(cluster: InstallationApi, progress: Progress, times: int, together: int) -> None:
    target = Target(cluster)
    addresses = target.addresses()

    def run(flood: Flood) -> None:
        progress.add(flood.name, flood.faults(target.ended(target.start(*flood.spec(addresses)))))

    with ThreadPoolExecutor(together) as pool, ExitStack() as stack:
        stack.callback(pool.shutdown, cancel_futures=True)
        for one in [pool.submit(run, flood) for flood in _left(progress, times)]:
            one.result()


def main() -> int:
    """Run all remaining attacks; return 1 if any had an unexpected result."""
    given = _arguments()
    for number in (signal.SIGINT, signal.SIGTERM):  # in a background job too
        signal.signal(number, signal.default_int_handler)
    with installation_api(installed()) as cluster:
        progress = Progress.fresh() if given.fresh else Progress.kept()
        before = progress.begin(holdings(cluster))
        try:
            _attack(cluster, progress, given.times, given.together)
        except KeyboardInterrupt:
            sys.stderr.write(
                f"interrupted; {progress.summary()}: `make attacks` goes on from there\n"
            )
            return _INTERRUPTED
        grown = settled(cluster, before)
    sys.stdout.write(f"{progress.summary()}\n")
    for what, how in grown.items():
        sys.stdout.write(f"PROBLEM the node: {what}: {how}\n")
    if not grown:
        sys.stdout.write("the node holds what it held before\n")
    progress.end()
    return int(bool(grown or progress.faults))


if __name__ == "__main__":
    sys.exit(main())
