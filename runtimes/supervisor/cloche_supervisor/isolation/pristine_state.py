"""The Pod's state before its first program, which must be restored before the next one.

A program cannot reach the memory, descriptors and handlers of this process. It can change the
attributes recorded here: a process of the same uid may change them from outside, and every program
inherits them.
"""

from __future__ import annotations

import errno
import os
import resource
import stat

_LIMITS = tuple(
    sorted({getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")})
)


class ResetError(Exception):
    """The Pod's pristine state cannot be restored. The message goes into the `error` event."""


class PristineState:
    """The state of this process and the writable directories. Create it before the first program.

    Raises:
        OSError: there is no workspace.
    """

    def __init__(self, workspace: str, others: tuple[str, ...]) -> None:
        places = (workspace, *filter(os.path.isdir, others))
        self.directories = {
            path: (stat.S_IMODE(os.stat(path).st_mode), extended_attributes(path))
            for path in places
        }
        """Permissions and extended attributes of each directory itself, which a program may own."""
        self._attributes = _attributes()

    def changed(self) -> str | None:
        """Return the name of an attribute of this process that has changed, or None."""
        for name, value in _attributes().items():
            if value != self._attributes[name]:
                return name
        return None


def extended_attributes(path: str) -> set[str]:
    """Return the names of a file's extended attributes, including access control lists."""
    try:
        return set(os.listxattr(path))
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return set()
        raise


def _attributes() -> dict[str, object]:
    """Return what setpriority, sched_setscheduler, sched_setaffinity and prlimit can change."""
    return {
        "priority": os.getpriority(os.PRIO_PROCESS, 0),
        "scheduling policy": os.sched_getscheduler(0),
        "CPU affinity": os.sched_getaffinity(0),
        "resource limits": [resource.getrlimit(number) for number in _LIMITS],
    }
