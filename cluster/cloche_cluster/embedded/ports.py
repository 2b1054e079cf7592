"""Are the cluster's ports free, and if not, who has them?"""

from __future__ import annotations

import dataclasses
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_cluster.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Collection

    from cloche_cluster.embedded.settings import Ports

_LISTEN = "0A"
"""TCP_LISTEN in /proc/net/tcp."""


@dataclass(frozen=True)
class Listener:
    """A port that is listened on, and the inode of its socket."""

    port: int
    inode: str


def parse_listeners(table: str) -> list[Listener]:
    """Read the listening sockets from the text of /proc/net/tcp or tcp6."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return [
        Listener(int(row[1].rpartition(":")[2], 16), row[9]) for row in rows if row[3] == _LISTEN
    ]


def check_free(ports: Ports) -> None:
    """Raise ClusterError naming port and holder when one of the cluster's ports is taken."""
    for name, number in dataclasses.asdict(ports).items():
        who = foreign_holder(number, ())
        if who:
            raise ClusterError(
                f"port {number} ({name.replace('_', ' ')}) is taken by {who}: "
                "end it, or use another cluster (CLUSTER=…)"
            )


def foreign_holder(port: int, own: Collection[int]) -> str | None:
    """Return, in words, the process that listens on `port`, unless its id is among `own`."""
    for listener in _listeners():
        if listener.port == port:
            pid = holder(listener.inode)
            if pid not in own:
                return _describe(pid)
    return None


def holder(inode: str) -> int | None:
    """Return the process that has the socket with this inode open."""
    wanted = f"socket:[{inode}]"
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            if any(os.readlink(one) == wanted for one in (process / "fd").iterdir()):  # noqa: PTH115
                return int(process.name)
        except OSError:
            continue
    return None


def _listeners() -> list[Listener]:
    tables = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
    return [one for table in tables if table.exists() for one in parse_listeners(table.read_text())]


def _describe(pid: int | None) -> str:
    if pid is None:
        return "an unknown process"
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return f"process {pid}"
    return f"process {pid} ({re.sub(r' +', ' ', command).strip()[:80]})"
