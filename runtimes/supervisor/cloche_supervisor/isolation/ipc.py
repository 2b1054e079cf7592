"""System V IPC objects, which outlive their processes and are not files.

/proc/sysvipc lists the IPC namespace of the process that reads it; the second column of each table
is the identifier (sysvipc(7)). The creator of an object may remove it, regardless of its
permissions.
"""

from __future__ import annotations

from cloche_supervisor.system import linux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_REMOVERS: dict[str, Callable[[int], None]] = {
    "shm": linux.remove_shared_memory,
    "sem": linux.remove_semaphores,
    "msg": linux.remove_message_queue,
}


def remove_all() -> None:
    """Remove every shared memory segment, semaphore set and message queue of the namespace.

    Raises:
        OSError: an object belongs to another user, or the kernel does not list the objects.
    """
    for kind, remove in _REMOVERS.items():
        for identifier in list(_identifiers(kind)):
            remove(identifier)


def is_empty() -> bool:
    """Return whether the namespace has no IPC objects."""
    return not any(True for kind in _REMOVERS for _ in _identifiers(kind))


def _identifiers(kind: str) -> Iterator[int]:
    with open(f"/proc/sysvipc/{kind}", "rb") as table:
        next(table)  # names of the columns
        for line in table:
            yield int(line.split()[1])
