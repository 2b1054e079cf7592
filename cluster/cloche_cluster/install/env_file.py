"""`.cloche/env`: the shell variables for using the installation (`set -a; . .cloche/env`)."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_cluster.targets.tools import write_private

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Environment:
    """The values of the three variables."""

    url: str
    api_key: str
    kubeconfig: str

    def render(self) -> str:
        """Return the file's text, with values quoted for a shell."""
        pairs = {
            "CLOCHE_URL": self.url,
            "CLOCHE_API_KEY": self.api_key,
            "KUBECONFIG": self.kubeconfig,
        }
        return "".join(f"{name}={shlex.quote(value)}\n" for name, value in pairs.items())


def write(path: Path, environment: Environment) -> None:
    """Write the file, readable by its owner only."""
    write_private(path, environment.render())


def read_key(path: Path) -> str | None:
    """Return the API key of an earlier run, or None."""
    if not path.exists():
        return None
    found = re.search(r"^CLOCHE_API_KEY=(\S+)$", path.read_text(), re.MULTILINE)
    return shlex.split(found.group(1))[0] if found else None
