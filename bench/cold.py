"""`python bench/cold.py [N]`: a hello world cold, through Cloche and through a bare Pod.

The two take turns on the same quiet cluster, so that the ratio holds where the machine drifts.
A table goes to the terminal, all figures with the commit to bench/results/cold.json.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
from bare import bare_pod
from installation import KUBECTL, Installation, installation

from cloche_api.rest import Rest
from cloche_operator.kube import Kube
from cloche_operator.observed import Runtimes
from cloche_operator.settings import Settings

_CODE = 'print("Hello, World!")'
_RESULTS = Path(__file__).parent / "results" / "cold.json"
_PERCENTILES = (50, 90, 99)


async def measure(to: Installation, count: int) -> dict[str, list[float]]:
    """Seconds of `count` round trips each, taken in turns after one of each to warm up."""
    settings = Settings(runtime_class_name=_runtime_class(to.kubeconfig))
    rest = await Rest.connect(to.kubeconfig)
    kube = Kube(rest, settings.namespace)
    runtimes = Runtimes(kube)
    runtime = await runtimes.find("python")
    seconds: dict[str, list[float]] = {"bare Pod": [], "Cloche cold": []}
    async with httpx.AsyncClient(base_url=to.url, headers={"X-API-Key": to.key}) as client:
        for turn in range(count + 1):
            bare, transcript = await bare_pod(rest, kube, settings, runtime, _CODE)
            assert transcript.stdout == "Hello, World!\n", transcript.error
            cold = await _through_cloche(client)
            await _no_pods(kube)
            if turn:
                seconds["bare Pod"].append(bare)
                seconds["Cloche cold"].append(cold)
            sys.stderr.write(f"\r{turn} of {count}")
    sys.stderr.write("\n")
    await rest.close()
    return seconds


async def _through_cloche(client: httpx.AsyncClient) -> float:
    began = time.perf_counter()
    answer = await client.post(
        "/api/v1/execute", json={"code": _CODE, "language": "python"}, timeout=120
    )
    seconds = time.perf_counter() - began
    assert answer.json()["stdout"] == "Hello, World!\n", answer.text
    return seconds


async def _no_pods(kube: Kube) -> None:
    """Wait until the last Pod is gone, so that the next is alone on the node."""
    while await kube.list_pods():
        await asyncio.sleep(0.05)


def _runtime_class(kubeconfig: str) -> str:
    """The RuntimeClass that the installed operator gives its Pods: the bare Pod's too."""
    command = [
        KUBECTL,
        "--kubeconfig",
        kubeconfig,
        "get",
        "deployment",
        "-n",
        "cloche-system",
        "cloche-operator",
        "-o",
        (
            'jsonpath={.spec.template.spec.containers[0].env[?(@.name=="'
            'CLOCHE_OPERATOR_RUNTIME_CLASS_NAME")].value}'
        ),
    ]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def table(seconds: dict[str, list[float]]) -> str:
    """The figures as a table, each row's median over the bare Pod's beside it."""
    limit = statistics.median(seconds["bare Pod"])
    rows = [f"{'':<14}{'n':>4}{'min':>9}{'p50':>9}{'p90':>9}{'p99':>9}{'p50 ratio':>11}"]
    for name, values in seconds.items():
        cuts = [
            statistics.quantiles(values, n=100, method="inclusive")[p - 1] for p in _PERCENTILES
        ]
        cells = "".join(f"{value * 1000:>6.0f} ms" for value in (min(values), *cuts))
        ratio = statistics.median(values) / limit
        rows.append(f"{name:<14}{len(values):>4}{cells}{ratio:>11.2f}")
    return "\n".join(rows)


def main() -> None:
    """Measure, print, keep."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    seconds = asyncio.run(measure(installation(), count))
    sys.stdout.write(f"{table(seconds)}\n")
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], check=True, capture_output=True, text=True
    ).stdout.strip()
    _RESULTS.parent.mkdir(exist_ok=True)
    result = {"commit": commit, "time": datetime.now(UTC).isoformat(), "seconds": seconds}
    _RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
