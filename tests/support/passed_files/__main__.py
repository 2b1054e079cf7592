"""`python -m support.passed_files`: the files that one warm execution passes.

They are those of one POST /api/v1/execute in the gateway, and of the execution in the operator.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from support.clients.api_server import api_server
from support.fixtures.control_planes import BARE, Planes, shared
from support.fixtures.fake_cluster import fake_cluster
from support.passed_files.gateway import gateway_files
from support.passed_files.operator import operator_files


def main() -> None:
    """Start a control plane, trace both and print the files."""
    planes = Planes()
    try:
        planes.prepare(["tests/integration/gateway/"])
        plane = shared(planes.place, BARE)
        _print("gateway: POST /api/v1/execute", asyncio.run(gateway_files(plane)))
        with (
            tempfile.TemporaryDirectory() as directory,
            api_server(plane.kubeconfig, plane.url) as server,
            fake_cluster(server, plane.kubeconfig, Path(directory)) as cluster,
        ):
            _print("operator: a warm execution", operator_files(cluster))
    finally:
        planes.close()


def _print(title: str, files: dict[str, list[str]]) -> None:
    sys.stdout.write(f"{title}\n")
    for package, names in files.items():
        sys.stdout.write(f"  {package}: {len(names)} files\n")
        sys.stdout.writelines(f"    {name}\n" for name in names)


if __name__ == "__main__":
    main()
