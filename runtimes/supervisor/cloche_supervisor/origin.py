"""What a Pod is like before any program has run in it, and must be like again before the next.

Memory, descriptors and handlers of this process are out of a program's reach. These are not: a
process of the same uid may change them from outside, and every program inherits them.
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
    """The Pod cannot be made what it was. The words go into the `error` event."""


class Origin:
    """This process and the workspace as they are now. Made once, before the first program.

    Raises:
        OSError: there is no workspace.
    """

    def __init__(self, workspace: str) -> None:
        self.workspace_mode = stat.S_IMODE(os.stat(workspace).st_mode)
        """Permissions of the workspace itself, which a program may own."""
        self.workspace_attributes = extended_attributes(workspace)
        self._attributes = _attributes()

    def changed(self) -> str | None:
        """Which attribute of this process is another than it was, if any is."""
        for name, value in _attributes().items():
            if value != self._attributes[name]:
                return name
        return None


def extended_attributes(path: str) -> set[str]:
    """Names of the extended attributes of a file, access control lists among them."""
    try:
        return set(os.listxattr(path))
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return set()
        raise


def _attributes() -> dict[str, object]:
    """What setpriority, sched_setscheduler, sched_setaffinity and prlimit change of others."""
    return {
        "priority": os.getpriority(os.PRIO_PROCESS, 0),
        "scheduling policy": os.sched_getscheduler(0),
        "CPU affinity": os.sched_getaffinity(0),
        "resource limits": [resource.getrlimit(number) for number in _LIMITS],
    }
