"""What a program may not ask of the kernel, whatever the cluster's network and runtime allow.

`bpf.py` makes the seccomp filter of these rules. A call that no rule names is allowed as far as
this filter is concerned: the container runtime's own filter stands before it.

Three questions decide about a call:

- Does it reach another process, the network, the kernel or a file outside the Pod? Refused.
- Does it take memory or a number of the node's that no control group of the Pod is charged for?
  Refused, unless a language needs it.
- Does a language need it? `tests/languages` runs all of them below this filter.

The error number is one that callers expect: ENOSYS, EOPNOTSUPP, ENOMEM or EINVAL as a kernel
answers that lacks the call, EPERM as it answers a process without privileges, 0 where nothing had
to be done.
"""

from __future__ import annotations

import errno

_SUCCESS = 0
_AF_UNIX = 1  # <linux/socket.h>
_SOL_SOCKET, _ATTACH_FILTER, _ATTACH_BPF = 1, 26, 50  # <asm-generic/socket.h>
_ATTACH_REUSEPORT_CBPF, _ATTACH_REUSEPORT_EBPF = 51, 52
_PRIO_PROCESS, _PRIO_PGRP, _PRIO_USER = 0, 1, 2  # <linux/resource.h>
_IOPRIO_WHO_PROCESS, _IOPRIO_WHO_PGRP, _IOPRIO_WHO_USER = 1, 2, 3  # <linux/ioprio.h>
_CLONE_NEW = 0x7E02_0000  # <linux/sched.h>: CGROUP UTS IPC USER PID NET, and NS
_F_SETLK, _F_SETLKW, _F_OFD_SETLK, _F_OFD_SETLKW = 6, 7, 37, 38  # <asm-generic/fcntl.h>
_MAP_HUGETLB, _MFD_HUGETLB, _SHM_HUGETLB = 0x4_0000, 4, 0o4000  # <linux/mman.h>, memfd.h, shm.h
_MS_SYNC = 4  # <asm-generic/mman-common.h>
_PR_SET_SECCOMP, _PR_SCHED_CORE = 22, 62  # <linux/prctl.h>
_O_NOTIFICATION_PIPE = 0o200  # <linux/watch_queue.h>: O_EXCL
_SUPERVISOR = 1  # its pid; no program can have a PID namespace of its own


class Rule:
    """System calls, by name, that fail with an error number, or succeed (0) without being made.

    Args:
        unless: a call whose arguments have all the values of one of these, by their place, is
            allowed.
        when: only a call whose arguments have all the values of one of these is answered so.
        flags: the place of an argument and a mask; only a call with one of these bits is.

    Arguments are looked at as the kernel looks at these: their lower 32 bits. Of several rules for
    one call the first that holds decides. Calls that a machine does not have are passed over.
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


_USUAL = (
    # Calls that programs make often and that are refused with some arguments only: the kernel runs
    # the filter for each of them, up to its rule.
    #
    # Huge pages are taken from the node's, and no memory control group is charged.
    Rule(errno.ENOMEM, "mmap", flags=(3, _MAP_HUGETLB)),
    # The kernel charges nobody for record locks, of which a file may have millions. A database's
    # lock (SQLite) is for other processes, and a program that has no second one misses nothing. Who
    # would wait for a lock is refused, and flock is allowed: a lock for each open file, which is
    # charged.
    Rule(_SUCCESS, "fcntl", when=({1: _F_SETLK},)),
    Rule(errno.ENOLCK, "fcntl", when=({1: _F_SETLKW}, {1: _F_OFD_SETLK}, {1: _F_OFD_SETLKW})),
)

_CONDITIONAL = (
    # No network: sockets within the Pod alone. Not AF_NETLINK either, whose answers (the kernel's
    # list of interfaces) wait in memory that nobody is charged for.
    Rule(errno.EACCES, "socket", "socketpair", unless=({0: _AF_UNIX},)),
    # No namespace of one's own, in which one would be root.
    Rule(errno.EPERM, "clone", flags=(0, _CLONE_NEW)),
    # No filter of one's own: the memory for compiled ones is one sum for the node, out of which
    # every container's filter is taken. Nor a processor's core for oneself alone.
    Rule(errno.EINVAL, "prctl", when=({0: _PR_SET_SECCOMP}, {0: _PR_SCHED_CORE})),
    Rule(
        errno.EPERM, "setsockopt",
        when=tuple(
            {1: _SOL_SOCKET, 2: option}
            for option in (
                _ATTACH_FILTER, _ATTACH_BPF, _ATTACH_REUSEPORT_CBPF, _ATTACH_REUSEPORT_EBPF,
            )
        ),
    ),
    # What is written lies in memory and is nowhere more safely: nothing is to be done. On files of
    # the node that a program can open (/etc/hosts) these calls would flush the node's disk, etcd's
    # with it.
    Rule(_SUCCESS, "sync", "syncfs", "fsync", "fdatasync", "sync_file_range"),
    Rule(_SUCCESS, "msync", flags=(2, _MS_SYNC)),
    Rule(errno.ENOMEM, "shmget", flags=(2, _SHM_HUGETLB)),
    Rule(errno.ENOMEM, "memfd_create", flags=(1, _MFD_HUGETLB)),
    # Queues of the kernel's notifications, made of pages that nobody is charged for.
    Rule(errno.ENOPKG, "pipe2", flags=(1, _O_NOTIFICATION_PIPE)),
    # Limits, priority and processors of PID 1. A program's own processes and threads it may change:
    # C libraries and language runtimes do. Signals are not refused: see signals.py.
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

_REFUSED = (
    # As if the kernel were older or smaller than it is: callers know what to do then. The first
    # make calls, or flags, out of memory, past a filter that sees only numbers. AIO's contexts are
    # one number for the node. The others are memory that cannot be swapped, segments of the i386,
    # filters.
    Rule(
        errno.ENOSYS,
        "io_uring_setup", "io_uring_enter", "io_uring_register", "clone3",
        "io_setup", "io_destroy", "io_submit", "io_cancel", "io_getevents", "io_pgetevents",
        "memfd_secret", "modify_ldt", "seccomp",
        "uselib", "ustat", "sysfs", "_sysctl", "lookup_dcookie", "nfsservctl",
        "create_module", "get_kernel_syms", "query_module",
    ),
    # Access lists take kernel memory, as much as 64 KiB a file, that nobody is charged for; handles
    # are the way to files past all paths. As a file system answers that has neither.
    Rule(
        errno.EOPNOTSUPP,
        "setxattr", "lsetxattr", "fsetxattr", "setxattrat", "file_setattr",
        "name_to_handle_at",
    ),
    # Nothing of another process: its memory, its descriptors, its registers, its namespaces.
    Rule(
        errno.EPERM,
        "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease",
        "pidfd_getfd", "kcmp", "unshare", "setns",
    ),
    # Nothing of the kernel's that is not the Pod's own: programs in it, its counters, its keys, its
    # log, page faults held up in the middle of a call, news of every file.
    Rule(
        errno.EPERM,
        "bpf", "perf_event_open", "userfaultfd", "syslog", "fanotify_init", "fanotify_mark",
        "add_key", "request_key", "keyctl",
    ),
    # Where memory lies: kernel memory for each range, charged to nobody, and other processes'
    # pages.
    Rule(
        errno.EPERM,
        "mbind", "set_mempolicy", "set_mempolicy_home_node", "migrate_pages", "move_pages",
    ),
    # The files stay as they are mounted.
    Rule(
        errno.EPERM,
        "mount", "umount2", "pivot_root", "chroot", "open_by_handle_at", "mount_setattr",
        "open_tree", "open_tree_attr", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick",
        "quotactl", "quotactl_fd",
    ),
    # The node's administration. A capability is needed for each; this needs none to refuse it.
    Rule(
        errno.EPERM,
        "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot",
        "swapon", "swapoff", "acct", "vhangup", "sethostname", "setdomainname", "iopl", "ioperm",
        "settimeofday", "clock_settime", "adjtimex", "clock_adjtime",
    ),
)  # fmt: skip

RULES = _USUAL + _CONDITIONAL + _REFUSED
"""What every program is refused."""

WATCHES = Rule(errno.EMFILE, "inotify_init", "inotify_init1")
"""Refused besides where inotify instances are counted as root's: see shared_counts.py."""
