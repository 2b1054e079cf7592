"""What a program may not ask of the kernel, whatever the cluster's network and runtime allow.

One rule a line of thought; `bpf.py` makes the seccomp filter of them. A call that no rule names is
allowed as far as this filter is concerned: the container runtime's own stands before it.

A program of the supervisor's own uid might also reach for PID 1 itself: every call that can change
another process is refused where it names that one, or all of a group or a user. The program's own
processes and threads it may change: C libraries and language runtimes do. Signals are not refused:
see signals.py.
"""

from __future__ import annotations

import errno

_AF_UNIX, _AF_NETLINK = 1, 16  # <linux/socket.h>
_NETLINK_ROUTE = 0  # <linux/netlink.h>
_PRIO_PROCESS, _PRIO_PGRP, _PRIO_USER = 0, 1, 2  # <linux/resource.h>
_IOPRIO_WHO_PROCESS, _IOPRIO_WHO_PGRP, _IOPRIO_WHO_USER = 1, 2, 3  # <linux/ioprio.h>
_CLONE_NEW = 0x7E02_0000  # <linux/sched.h>: CGROUP UTS IPC USER PID NET, and NS
_SUPERVISOR = 1  # its pid; no program can have a PID namespace of its own


class Rule:
    """System calls, by name, that fail with an error number.

    Args:
        unless: a call whose arguments have all the values of one of these, by their place, is
            allowed.
        when: only a call whose arguments have all the values of one of these fails.
        flags: the place of an argument and a mask; only a call with one of these bits fails.

    Arguments are looked at as the kernel looks at these: their lower 32 bits.
    """

    def __init__(
        self,
        error: int,
        *calls: str,
        unless: tuple[dict[int, int], ...] = (),
        when: tuple[dict[int, int], ...] = (),
        flags: tuple[int, int] | None = None,
    ) -> None:
        self.error = error
        self.calls = calls
        self.unless = unless
        self.when = when
        self.flags = flags


RULES = (
    # No network: sockets within the Pod alone, and the kernel's list of interfaces, which Node
    # and others ask for.
    Rule(
        errno.EACCES, "socket", "socketpair",
        unless=({0: _AF_UNIX}, {0: _AF_NETLINK, 2: _NETLINK_ROUTE}),
    ),
    # Ways past a filter that sees only numbers: these make calls, or flags, out of memory. As if
    # the kernel were older than they are: callers know what to do then.
    Rule(errno.ENOSYS, "io_uring_setup", "io_uring_enter", "io_uring_register", "clone3"),
    # No namespace of one's own, in which one would be root, and no way into another.
    Rule(errno.EPERM, "clone", flags=(0, _CLONE_NEW)),
    Rule(errno.EPERM, "unshare", "setns"),
    # Nothing of another process: its memory, its descriptors, its registers.
    Rule(
        errno.EPERM,
        "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd",
    ),
    # Nothing of the kernel's that is not the Pod's own: programs in it, its counters, its keys,
    # its log, page faults held up in the middle of a call.
    Rule(errno.EPERM, "bpf", "perf_event_open", "userfaultfd", "syslog"),
    Rule(errno.EPERM, "add_key", "request_key", "keyctl"),
    # The files stay as they are mounted.
    Rule(
        errno.EPERM,
        "mount", "umount2", "pivot_root", "chroot", "open_by_handle_at", "mount_setattr",
        "open_tree", "open_tree_attr", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick",
    ),
    # Limits, priority and processors of PID 1.
    Rule(
        errno.EPERM,
        "prlimit64", "sched_setparam", "sched_setscheduler", "sched_setattr", "sched_setaffinity",
        when=({0: _SUPERVISOR},),
    ),
    Rule(
        errno.EPERM, "setpriority",
        when=({0: _PRIO_PROCESS, 1: _SUPERVISOR}, {0: _PRIO_PGRP}, {0: _PRIO_USER}),
    ),
    Rule(
        errno.EPERM, "ioprio_set",
        when=(
            {0: _IOPRIO_WHO_PROCESS, 1: _SUPERVISOR}, {0: _IOPRIO_WHO_PGRP}, {0: _IOPRIO_WHO_USER},
        ),
    ),
)  # fmt: skip
