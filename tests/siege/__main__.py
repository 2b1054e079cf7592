"""`python -m siege`: run hostile clients concurrently, and measure what another tenant observes.

The times are written to bench/results/siege.json, and the tables of all sieges in that file to
siege.txt. The exit status is 1 if a gateway (with `inputs`, `names` and `long`, an operator)
restarted or reached its memory limit, or if a program of the other tenant got a wrong response.
Times are reported, not judged.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from siege.attackers import Force
from siege.battle import Attack, Result, Times, siege
from siege.programs import INPUTS, LONG, NAMES
from siege.report import problems, table
from siege.witness import Seen
from support.clients.helm import other_values
from support.clients.installation_api import installation_api
from support.clients.kubectl import InstallationKubectl
from support.data.names import ROOT
from support.fixtures.installation import installed

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

_ATTACKS: dict[str, Attack] = {
    "gateway": Force(),
    "inputs": INPUTS,
    "names": NAMES,
    "long": LONG,
}
_RESULTS = ROOT / "bench" / "results" / "siege.json"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m siege", description=__doc__)
    parser.add_argument("--by", choices=_ATTACKS, default="gateway", help="what the attackers do")
    parser.add_argument("--seconds", type=float, default=600, help="under attack")
    parser.add_argument("--quiet", type=float, default=60, help="seconds before the attack")
    parser.add_argument("--gateways", type=int, default=1, help="replicas of the gateway")
    return parser.parse_args()


def _gateways(kubeconfig: str, count: int) -> AbstractContextManager[None]:
    if count == 1:
        return contextlib.nullcontext()
    return other_values(Path(kubeconfig), "valkey.enabled=true", f"gateway.replicas={count}")


def main() -> int:
    """Attack the running installation and report."""
    given = _arguments()
    to = installed()
    with _gateways(to.kubeconfig, given.gateways), installation_api(to) as where:
        result = asyncio.run(
            siege(
                where,
                InstallationKubectl(to.kubeconfig),
                _ATTACKS[given.by],
                Times(given.quiet, given.seconds),
            )
        )
    found = problems(result)
    _keep(result, f"{given.by}, {given.gateways} gateways, {given.seconds:g} s")
    sys.stdout.write(f"{table(result)}\n" + "".join(f"PROBLEM {one}\n" for one in found))
    return int(bool(found))


def _keep(result: Result, name: str) -> None:
    """Save the result with those of other sieges."""
    kept: dict[str, Any] = json.loads(_RESULTS.read_text()) if _RESULTS.exists() else {}
    kept[name] = dataclasses.asdict(result)
    _RESULTS.write_text(json.dumps(_rounded(kept)) + "\n")
    tables = (f"{of}\n{table(_result(stretches))}\n" for of, stretches in kept.items())
    _RESULTS.with_suffix(".txt").write_text("\n".join(tables))


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(of) for key, of in value.items()}
    if isinstance(value, list):
        return [_rounded(of) for of in value]
    return round(value, 1) if isinstance(value, float) else value


def _result(stretches: dict[str, Any]) -> Result:
    return Result(**{name: Seen(**seen) for name, seen in stretches.items()})


if __name__ == "__main__":
    sys.exit(main())
