"""`.cloche/env`: the shell variables for using the installation (`set -a; . .cloche/env`)."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_cluster.machine.files import write_private

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


def read(path: Path) -> Environment | None:
    """Return the values of an earlier run; None if the file or one of them is missing."""
    if not path.exists():
        return None
    try:
        words = shlex.split(path.read_text())
        values = dict(word.split("=", maxsplit=1) for word in words)
        return Environment(values["CLOCHE_URL"], values["CLOCHE_API_KEY"], values["KUBECONFIG"])
    except (ValueError, KeyError):
        return None
