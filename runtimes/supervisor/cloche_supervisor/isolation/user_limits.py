"""Resources that the kernel counts by user.

In a user namespace they count for its creator too (`inc_ucount` and `inc_rlimit_ucounts` in
kernel/ucount.c). The creator is the node's root. When root reaches the limit, the kernel also
refuses the kubelet, the container runtime and every other Pod with a user namespace. Where root's
limit is low, a program therefore gets none of these resources, as if it had used them up.
"""

from __future__ import annotations

import resource

_USERS = "/proc/self/uid_map"
_INOTIFY_INSTANCES = "/proc/sys/fs/inotify/max_user_instances"
_ALL_USERS = "4294967295"
"""The number of users that the initial namespace maps; others map fewer (user_namespaces(7))."""
ENOUGH = 1 << 24
"""A limit that programs cannot reach, because their Pods' memory is charged for each object."""
QUEUE_BYTES = 819_200
"""Bytes of a program's POSIX message queues; the kernel's default for a user."""
SIGNALS = 1024
"""Pending signals of a program, including its timers; the kernel allows a user some ten thousand.
"""


def limits_of_user(users: str = _USERS) -> dict[int, int]:
    """Return the limits of resources counted by user, by their number in `resource`.

    The container's RLIMIT_MSGQUEUE is also the limit of its user namespace's creator.
    """
    _, most = resource.getrlimit(resource.RLIMIT_MSGQUEUE)
    scarce = _count_for_root(users) and most != resource.RLIM_INFINITY and most < ENOUGH
    queues = 0 if scarce else QUEUE_BYTES
    return {resource.RLIMIT_MSGQUEUE: queues, resource.RLIMIT_SIGPENDING: SIGNALS}


def watches_are_scarce(users: str = _USERS, instances: str = _INOTIFY_INSTANCES) -> bool:
    """Return whether a program could use up inotify instances of the node's root."""
    try:
        with open(instances, encoding="ascii") as file:
            most = int(file.read())
    except OSError:  # a kernel without inotify
        return False
    return _count_for_root(users) and most < ENOUGH


def _count_for_root(users: str) -> bool:
    """Return whether the supervisor runs in a user namespace other than the initial one."""
    try:
        with open(users, encoding="ascii") as file:
            mapped = file.read().split()
    except OSError:  # a kernel without user namespaces
        return False
    return mapped[2:3] != [_ALL_USERS]
