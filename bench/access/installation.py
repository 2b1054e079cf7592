"""The installation to measure, as `make up` wrote it to .cloche/env."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from progress import BenchError

from cloche_cluster.install import env_file

ROOT = Path(__file__).parents[2]
_ENV = ROOT / ".cloche" / "env"


@dataclass(frozen=True)
class Installation:
    """URLs and credentials of the gateway and the API server."""

    url: str
    key: str
    kubeconfig: str


def installation() -> Installation:
    """Return the running installation.

    Raises:
        BenchError: there is none.
    """
    found = env_file.read(_ENV)
    if found is None:
        raise BenchError("There is no usable .cloche/env: run `make up` first.")
    return Installation(found.url, found.api_key, found.kubeconfig)
