"""The context of operations on the embedded cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cloche_cluster.embedded.layout import Layout
from cloche_cluster.embedded.settings import Addresses, Ports

if TYPE_CHECKING:
    from pathlib import Path

    from cloche_cluster.console import Console


@dataclass(frozen=True)
class Embedded:
    """The embedded cluster of this machine: paths, addresses and ports."""

    console: Console
    layout: Layout = field(default_factory=Layout)
    addresses: Addresses = field(default_factory=Addresses)
    ports: Ports = field(default_factory=Ports)

    @property
    def lock(self) -> Path:
        """The lock that `up` and `down` hold."""
        return self.layout.run / "lock"
