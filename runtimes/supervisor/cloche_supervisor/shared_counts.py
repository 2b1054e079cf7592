"""What the kernel counts by user, and whose a program's are.

In a user namespace they count besides as those of whoever made it (`inc_ucount` and
`inc_rlimit_ucounts` in kernel/ucount.c). That is the node's root, to whom the kernel then refuses
more at the same limit, and with it to the kubelet, the container runtime and every other Pod that
has a user namespace. So where root's limit is low a program gets none of them, as if it had used
them up.
"""

from __future__ import annotations

import resource

_USERS = "/proc/self/uid_map"
_INSTANCES = "/proc/sys/fs/inotify/max_user_instances"
_ALL_USERS = "4294967295"
"""How many users the first namespace maps; another maps fewer (user_namespaces(7))."""
ENOUGH = 1 << 24
"""A limit that programs do not reach: their Pods' memory is charged for what counts."""
QUEUE_BYTES = 819_200
"""POSIX message queues of a program, as much as the kernel gives a user."""
SIGNALS = 1024
"""Signals that wait for a program, its timers among them; the kernel gives a user some ten
thousand."""


def limits_of_user(users: str = _USERS) -> dict[int, int]:
    """Return the limits of what is counted by user, by their number in `resource`.

    The container's own limit of message queues is that of whoever made its user namespace.
    """
    _, most = resource.getrlimit(resource.RLIMIT_MSGQUEUE)
    scarce = _are_roots(users) and most != resource.RLIM_INFINITY and most < ENOUGH
    queues = 0 if scarce else QUEUE_BYTES
    return {resource.RLIMIT_MSGQUEUE: queues, resource.RLIMIT_SIGPENDING: SIGNALS}


def watches_are_scarce(users: str = _USERS, instances: str = _INSTANCES) -> bool:
    """Say whether a program could take inotify instances from the node's root."""
    try:
        with open(instances, encoding="ascii") as file:
            most = int(file.read())
    except OSError:  # a kernel that has no inotify
        return False
    return _are_roots(users) and most < ENOUGH


def _are_roots(users: str) -> bool:
    """Say whether we are in a user namespace that somebody made."""
    try:
        with open(users, encoding="ascii") as file:
            mapped = file.read().split()
    except OSError:  # a kernel that has none
        return False
    return mapped[2:3] != [_ALL_USERS]
