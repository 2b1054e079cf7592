"""`.cloche/env`: the shell variables for using the installation (`set -a; . .cloche/env`)."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_cluster.targets.tools import write_private

if TYPE_CHECKING:
    from pathlib import Path


_NAMES = ("CLOCHE_URL", "CLOCHE_API_KEY", "KUBECONFIG")


@dataclass(frozen=True)
class Environment:
    """The values of the three variables."""

    url: str
    api_key: str
    kubeconfig: str

    def render(self) -> str:
        """Return the file's text, with values quoted for a shell."""
        values = (self.url, self.api_key, self.kubeconfig)
        return "".join(
            f"{name}={shlex.quote(value)}\n" for name, value in zip(_NAMES, values, strict=True)
        )


def write(path: Path, environment: Environment) -> None:
    """Write the file, readable by its owner only."""
    write_private(path, environment.render())


def read(path: Path) -> Environment | None:
    """Return the values of an earlier run; None if there are none."""
    if not path.exists():
        return None
    words = shlex.split(path.read_text(encoding="utf-8"))
    values = dict(word.split("=", 1) for word in words if "=" in word)
    if not values.keys() >= set(_NAMES):
        return None
    return Environment(*(values[name] for name in _NAMES))


def read_key(path: Path) -> str | None:
    """Return the API key of an earlier run, or None."""
    found = read(path)
    return found.api_key if found else None
