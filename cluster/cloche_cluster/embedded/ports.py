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
    from collections.abc import Collection, Mapping

    from cloche_cluster.embedded.settings import Ports

_LISTEN = "0A"
"""TCP_LISTEN in /proc/net/tcp."""
_UNIX_PATH = 7
"""The column of a socket's path in /proc/net/unix; the one before it is its inode."""


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
    held = foreign_holders(dataclasses.asdict(ports).values(), ())
    for sentence in taken(ports, held):
        raise ClusterError(sentence)


def taken(ports: Ports, held: Mapping[int, str]) -> list[str]:
    """Return a sentence for each of the cluster's ports that is among `held`."""
    return [
        f"port {number} ({name.replace('_', ' ')}) is taken by {held[number]}: "
        "end it, or use another cluster (CLUSTER=…)"
        for name, number in dataclasses.asdict(ports).items()
        if number in held
    ]


def foreign_holder(port: int, own: Collection[int]) -> str | None:
    """Return, in words, the process that listens on `port`, unless its id is among `own`."""
    return foreign_holders((port,), own).get(port)


def foreign_holders(ports: Collection[int], own: Collection[int]) -> dict[int, str]:
    """Return who listens on each of `ports`, in words, but for processes among `own`."""
    held: dict[int, str] = {}
    for listener in _listeners():
        if listener.port in ports and listener.port not in held:
            pid = holder(listener.inode)
            if pid not in own:
                held[listener.port] = _describe(pid)
    return held


def foreign_sockets(
    directory: Path, own: Collection[int], table: Path = Path("/proc/net/unix")
) -> list[str]:
    """Return who listens on a socket below `directory`, in words, but for processes among `own`."""
    found = []
    for line in table.read_text().splitlines()[1:]:
        words = line.split(maxsplit=7)
        if len(words) > _UNIX_PATH and words[_UNIX_PATH].startswith(f"{directory}/"):
            pid = holder(words[_UNIX_PATH - 1])
            if pid is not None and pid not in own:
                found.append(f"{_describe(pid)} has {words[_UNIX_PATH]}")
    return found


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
