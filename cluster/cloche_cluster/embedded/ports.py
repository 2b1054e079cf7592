"""Find out which processes listen on the cluster's ports."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.errors import ClusterError
from cloche_cluster.machine.processes import describe, socket_owners

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from cloche_cluster.embedded.settings import Ports

_LISTEN = "0A"
"""TCP_LISTEN in /proc/net/tcp."""
_ACCEPTS = "00010000"
"""The flags of a listening socket in /proc/net/unix (SO_ACCEPTCON)."""


@dataclass(frozen=True)
class Listener:
    """A listening port, and the inode of its socket."""

    port: int
    inode: str


def parse_listeners(table: str) -> list[Listener]:
    """Parse the listening sockets from the text of /proc/net/tcp or tcp6."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return [
        Listener(int(row[1].rpartition(":")[2], 16), row[9]) for row in rows if row[3] == _LISTEN
    ]


def check_free(ports: Ports) -> None:
    """Raise ClusterError, naming port and holder, if one of the cluster's ports is taken."""
    held = foreign(holders(dataclasses.asdict(ports).values()), ())
    for sentence in taken(ports, held):
        raise ClusterError(sentence)


def taken(ports: Ports, held: Mapping[int, str]) -> list[str]:
    """Return a sentence for each of the cluster's ports that is among `held`."""
    return [
        f"port {number} ({name.replace('_', ' ')}) is in use by {held[number]}: "
        "stop it, or use another cluster (CLUSTER=…)"
        for name, number in dataclasses.asdict(ports).items()
        if number in held
    ]


def foreign_holder(port: int, own: Collection[int]) -> str | None:
    """Describe the process that listens on `port`, or return None if its id is among `own`."""
    return foreign(holders((port,)), own).get(port)


def foreign(held: Mapping[int, int | None], own: Collection[int]) -> dict[int, str]:
    """Describe the holders of ports whose process ids are not among `own`."""
    return {port: describe(pid) for port, pid in held.items() if pid not in own}


def holders(ports: Collection[int]) -> dict[int, int | None]:
    """Return the process that listens on each of `ports`; None if it is not visible."""
    found = {one.port: one.inode for one in _listeners() if one.port in ports}
    owners = socket_owners(found.values())
    return {port: owners.get(inode) for port, inode in found.items()}


def socket_holders(directory: Path, table: Path = Path("/proc/net/unix")) -> dict[str, int]:
    """Return the process that listens on each socket below `directory`, if visible."""
    rows = [line.split(maxsplit=7) for line in table.read_text().splitlines()[1:]]
    found = {
        row[7]: row[6]
        for row in rows
        if row[3] == _ACCEPTS and len(row) > 7 and row[7].startswith(f"{directory}/")  # noqa: PLR2004
    }
    owners = socket_owners(found.values())
    return {path: owners[inode] for path, inode in found.items() if inode in owners}


def _listeners() -> list[Listener]:
    tables = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
    return [one for table in tables if table.exists() for one in parse_listeners(table.read_text())]
