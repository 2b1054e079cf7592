"""`python -m chaos`: inject every fault while executions run, and report.

The results are printed as a table and saved in chaos/results/chaos.json.
The moments and programs are derived from the seed, which is printed first.
"""

from __future__ import annotations

import argparse
import secrets
import signal
import sys

from chaos import report
from chaos.faults import FAULTS
from chaos.round import Round
from chaos.row import Row
from support.clients.installation_api import installation_api
from support.fixtures.installation import installed

_RUNTIME = "chaos"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    names = ", ".join(fault.name for fault in FAULTS)
    parser.add_argument("--executions", type=int, default=200, help="of one round")
    parser.add_argument("--pool", type=int, default=20, help="Pods that wait")
    parser.add_argument("--reuse", action="store_true", help="Pods take further programs")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--only", default="", help=f"faults with this in their name: {names}")
    parser.add_argument("--times", type=int, help="rounds of each fault, instead of its own number")
    return parser.parse_args()


def main() -> int:
    """Run all rounds; the exit code is 1 if one of them has a problem."""
    given = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # clean up on the way out
    sys.stdout.write(f"seed {given.seed}\n")
    sys.stdout.flush()
    rows: list[Row] = []
    reuse = "SameTenant" if given.reuse else "Never"
    with installation_api(installed()) as where, where.own_runtime(_RUNTIME, given.pool, reuse):
        for fault in FAULTS:
            if given.only not in fault.name:
                continue
            for _ in range(given.times or fault.times):
                sys.stdout.write(f"{fault.name}: {given.executions} executions …\n")
                sys.stdout.flush()
                seed = given.seed + len(rows)
                row = Round(where, (fault,), _RUNTIME, given.executions, seed).run()
                rows.append(row)
                sys.stdout.write(f"{report.line(row)}\n")
                sys.stdout.flush()
    report.keep(rows, given.seed)
    sys.stdout.write(f"\n{report.table(rows)}\n")
    return int(any(row.problems() for row in rows))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
