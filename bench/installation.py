"""The installation that is measured: what `make up` wrote into .cloche/env."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

_CLOCHE = Path(__file__).parent.parent / ".cloche"
_ENV = _CLOCHE / "env"
KUBECTL = _CLOCHE / "bin" / "kubectl"


@dataclass(frozen=True)
class Installation:
    """Where the gateway and the API server are, and how to get in."""

    url: str
    key: str
    kubeconfig: str


def installation() -> Installation:
    """The running installation; without one, the end."""
    if not _ENV.exists():
        sys.exit("There is no .cloche/env: run `make up` first.")
    lines = (line for line in _ENV.read_text(encoding="utf-8").splitlines() if "=" in line)
    values = dict(line.split("=", 1) for line in lines)
    return Installation(values["CLOCHE_URL"], values["CLOCHE_API_KEY"], values["KUBECONFIG"])
