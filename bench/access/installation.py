"""The installation to measure, as `make up` wrote it to .cloche/env."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from progress import BenchError

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
    if not _ENV.exists():
        raise BenchError("There is no .cloche/env: run `make up` first.")
    lines = (line for line in _ENV.read_text(encoding="utf-8").splitlines() if "=" in line)
    values = dict(line.split("=", 1) for line in lines)
    return Installation(values["CLOCHE_URL"], values["CLOCHE_API_KEY"], values["KUBECONFIG"])
