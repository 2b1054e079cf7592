"""The system calls that programs may not make, independent of the cluster's network and runtime.

`bpf.py` compiles these rules to a seccomp filter. It allows every call that no rule names; the
container runtime's own filter still applies.

Criteria:
- A call that reaches another process, the network, the kernel or a file outside the Pod is refused.
- A call that takes memory, or a countable resource of the node, without charging a cgroup of the
  Pod is refused unless a language needs it.
- `tests/languages` runs every language under this filter and shows which calls are needed.

Each error number is one that callers expect: ENOSYS, EOPNOTSUPP, ENOMEM or EINVAL as from a kernel
that lacks the call, EPERM as for a process without privileges, 0 if the call has nothing to do.
"""

from __future__ import annotations

import errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Union

    Case = dict[int, Union[int, tuple[int, ...]]]

_SUCCESS = 0
_PASS_ON = None
_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10  # <linux/socket.h>
_SOL_SOCKET, _ATTACH_FILTER, _ATTACH_BPF = 1, 26, 50  # <asm-generic/socket.h>
_ATTACH_REUSEPORT_CBPF, _ATTACH_REUSEPORT_EBPF = 51, 52
_BINDTODEVICE, _BINDTOIFINDEX, _MARK, _TXTIME, _ZEROCOPY, _RESERVE_MEM = 25, 62, 36, 61, 60, 73
_IPPROTO_IP, _IPPROTO_TCP, _IPPROTO_IPV6 = 0, 6, 41  # <linux/in.h>
_IP_OPTIONS = (1, 2, 8, 10, 11, 12, 13, 24, 33, 34, 49)
"""Of <linux/in.h>: TOS, TTL, PKTINFO (to receive it), MTU_DISCOVER, RECVERR, RECVTTL, RECVTOS,
BIND_ADDRESS_NO_PORT, MULTICAST_TTL, MULTICAST_LOOP, MULTICAST_ALL."""
_IPV6_OPTIONS = (16, 18, 19, 23, 25, 26, 29, 49, 51, 66, 67)
"""Of <linux/in6.h>: UNICAST_HOPS, MULTICAST_HOPS, MULTICAST_LOOP, MTU_DISCOVER, RECVERR, V6ONLY,
MULTICAST_ALL, RECVPKTINFO, RECVHOPLIMIT, RECVTCLASS, TCLASS."""
_TCP_OPTIONS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 18, 23, 25)
"""Of <linux/tcp.h>: NODELAY, MAXSEG, CORK, KEEPIDLE, KEEPINTVL, KEEPCNT, SYNCNT, LINGER2,
DEFER_ACCEPT, WINDOW_CLAMP, QUICKACK, USER_TIMEOUT, FASTOPEN (to receive it), NOTSENT_LOWAT."""
_PRIO_PROCESS, _PRIO_PGRP, _PRIO_USER = 0, 1, 2  # <linux/resource.h>
_IOPRIO_WHO_PROCESS, _IOPRIO_WHO_PGRP, _IOPRIO_WHO_USER = 1, 2, 3  # <linux/ioprio.h>
_CLONE_NEW = 0x7E02_0000  # <linux/sched.h>: CGROUP UTS IPC USER PID NET, and NS
_F_SETLK, _F_SETLKW, _F_OFD_SETLK, _F_OFD_SETLKW = 6, 7, 37, 38  # <asm-generic/fcntl.h>
_MAP_HUGETLB, _MFD_HUGETLB, _SHM_HUGETLB = 0x4_0000, 4, 0o4000  # <linux/mman.h>, memfd.h, shm.h
_MS_SYNC = 4  # <asm-generic/mman-common.h>
_PR_SET_SECCOMP, _PR_SCHED_CORE = 22, 62  # <linux/prctl.h>
_O_NOTIFICATION_PIPE = 0o200  # <linux/watch_queue.h>: O_EXCL
_SUPERVISOR = 1  # the supervisor's pid; programs cannot create PID namespaces


class Rule:
    """System calls that fail with an error number, or succeed without being made (error 0).

    Args:
        error: the error number. None passes the call on to the supervisor, which makes it.
        calls: the names of the calls; those that a machine lacks are skipped.
        unless: cases, each with values by argument position, of which one must match. A call that
            matches in all positions of a case is allowed.
        when: cases likewise. Only a call that matches all values of a case gets the error.
        flags: the position of an argument and a mask. Only a call with one of these bits gets the
            error.
        given: the position of a pointer. Only a call in which it is not NULL gets the error.

    As in the kernel, only the lower 32 bits of these arguments are compared, except for a pointer.
    If several rules name a call, the first one that applies decides.
    """

    def __init__(
        self,
        error: int | None,
        *calls: str,
        unless: tuple[Case, ...] = (),
        when: tuple[Case, ...] = (),
        flags: tuple[int, int] | None = None,
        given: int | None = None,
    ) -> None:
        self.error = error
        self.calls = calls
        self.unless = unless
        self.when = when
        self.flags = flags
        self.given = given


_USUAL = (
    # Frequent calls of which only some arguments are refused. They come first, because the kernel
    # runs the filter for each call up to its rule.
    #
    # Huge pages come from the node's pool and are not charged to a memory cgroup.
    Rule(errno.ENOMEM, "mmap", flags=(3, _MAP_HUGETLB)),
    # The kernel charges record locks to no cgroup, and a file may have millions of them. A
    # single-process database (SQLite) locks only against other processes, so the lock can be
    # skipped. Calls that would wait for a lock fail. flock is allowed: it has one lock for each
    # open file, and that is charged.
    Rule(_SUCCESS, "fcntl", when=({1: _F_SETLK},)),
    Rule(errno.ENOLCK, "fcntl", when=({1: _F_SETLKW}, {1: _F_OFD_SETLK}, {1: _F_OFD_SETLKW})),
)

_CONDITIONAL = (
    # No network: only sockets within the Pod (see _LOCALHOST). AF_NETLINK is refused too, because
    # its answers (the kernel's list of interfaces) wait in memory that is not charged.
    Rule(errno.EACCES, "socket", "socketpair", unless=({0: _AF_UNIX},)),
    # No new namespaces, in which the program would be root.
    Rule(errno.EPERM, "clone", flags=(0, _CLONE_NEW)),
    # No filters of the program's own: all compiled filters of a node share one memory limit, from
    # which each container's filter is taken. PR_SCHED_CORE is refused because it reserves a CPU
    # core.
    Rule(errno.EINVAL, "prctl", when=({0: _PR_SET_SECCOMP}, {0: _PR_SCHED_CORE})),
    # No option that leads a socket off the loopback interface, or takes uncharged memory. Of IP
    # only the options that programs use are allowed: others join groups, name interfaces and
    # routes, or load further parts of the kernel.
    Rule(
        errno.EPERM, "setsockopt",
        when=({1: _SOL_SOCKET, 2: (
            _ATTACH_FILTER, _ATTACH_BPF, _ATTACH_REUSEPORT_CBPF, _ATTACH_REUSEPORT_EBPF,
            _BINDTODEVICE, _BINDTOIFINDEX, _MARK, _TXTIME, _ZEROCOPY, _RESERVE_MEM,
        )},),
    ),
    Rule(
        errno.ENOPROTOOPT, "setsockopt",
        unless=(
            {1: _SOL_SOCKET},
            {1: _IPPROTO_IP, 2: _IP_OPTIONS},
            {1: _IPPROTO_TCP, 2: _TCP_OPTIONS},
            {1: _IPPROTO_IPV6, 2: _IPV6_OPTIONS},
        ),
    ),
    # All that a program writes is in memory, so there is nothing to flush. On the node's files that
    # a program can open (/etc/hosts) these calls would flush the node's disk, which etcd shares.
    Rule(_SUCCESS, "sync", "syncfs", "fsync", "fdatasync", "sync_file_range"),
    Rule(_SUCCESS, "msync", flags=(2, _MS_SYNC)),
    Rule(errno.ENOMEM, "shmget", flags=(2, _SHM_HUGETLB)),
    Rule(errno.ENOMEM, "memfd_create", flags=(1, _MFD_HUGETLB)),
    # The kernel's notification queues consist of pages that are not charged.
    Rule(errno.ENOPKG, "pipe2", flags=(1, _O_NOTIFICATION_PIPE)),
    # Limits, priority and CPUs of PID 1. A program may change its own processes and threads, as C
    # libraries and language runtimes do. Signals are not refused: see signals.py.
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
    # Answered as by an older or smaller kernel, which callers can handle. io_uring and clone3 take
    # calls or flags from memory, which a filter cannot see. AIO contexts are limited by one number
    # for the whole node. The others give memory that cannot be swapped, i386 segments and filters.
    Rule(
        errno.ENOSYS,
        "io_uring_setup", "io_uring_enter", "io_uring_register", "clone3",
        "io_setup", "io_destroy", "io_submit", "io_cancel", "io_getevents", "io_pgetevents",
        "memfd_secret", "modify_ldt", "seccomp",
        "uselib", "ustat", "sysfs", "_sysctl", "lookup_dcookie", "nfsservctl",
        "create_module", "get_kernel_syms", "query_module",
    ),
    # Access control lists take up to 64 KiB of uncharged kernel memory for each file; file handles
    # bypass all path checks. Answered as by a file system that supports neither.
    Rule(
        errno.EOPNOTSUPP,
        "setxattr", "lsetxattr", "fsetxattr", "setxattrat", "file_setattr",
        "name_to_handle_at",
    ),
    # No access to another process: its memory, descriptors, registers or namespaces.
    Rule(
        errno.EPERM,
        "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease",
        "pidfd_getfd", "kcmp", "unshare", "setns",
    ),
    # No kernel facilities outside the Pod: BPF programs, performance counters, keys, the kernel
    # log, page faults suspended in the middle of a call, notifications about all files.
    Rule(
        errno.EPERM,
        "bpf", "perf_event_open", "userfaultfd", "syslog", "fanotify_init", "fanotify_mark",
        "add_key", "request_key", "keyctl",
    ),
    # NUMA placement takes uncharged kernel memory for each range, and can move other processes'
    # pages.
    Rule(
        errno.EPERM,
        "mbind", "set_mempolicy", "set_mempolicy_home_node", "migrate_pages", "move_pages",
    ),
    # No changes to mounts.
    Rule(
        errno.EPERM,
        "mount", "umount2", "pivot_root", "chroot", "open_by_handle_at", "mount_setattr",
        "open_tree", "open_tree_attr", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick",
        "quotactl", "quotactl_fd",
    ),
    # The node's administration. Each of these also needs a capability; this filter does not rely on
    # that.
    Rule(
        errno.EPERM,
        "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot",
        "swapon", "swapoff", "acct", "vhangup", "sethostname", "setdomainname", "iopl", "ioperm",
        "settimeofday", "clock_settime", "adjtimex", "clock_adjtime",
    ),
)  # fmt: skip

RULES = _USUAL + _CONDITIONAL + _REFUSED
"""The rules for every program."""

_NO_INOTIFY = Rule(errno.EMFILE, "inotify_init", "inotify_init1")

_LOCALHOST = (
    # Sockets on the loopback interface. The supervisor makes the sockets and all calls that take an
    # address, because a filter cannot see addresses: see localhost/answers.py. It is asked about
    # UNIX sockets too, because descriptors look alike. `listen` shows it that a socket is bound.
    Rule(_PASS_ON, "socket", when=({0: (_AF_INET, _AF_INET6)},)),
    Rule(_PASS_ON, "bind", "listen", "connect", "sendmsg", "sendmmsg"),
    Rule(_PASS_ON, "sendto", given=4),
)
PASSED_ON = {call for rule in _LOCALHOST for call in rule.calls}
"""The calls that the supervisor answers."""


def rules(*, inotify: bool, localhost: bool) -> tuple[Rule, ...]:
    """Return the rules for the programs of this Pod.

    Args:
        inotify: whether they may watch files. They may not if they could use up the instances of
            the node's root: see user_limits.py.
        localhost: whether the supervisor answers calls. If not, there are no IP sockets.
    """
    return (*(_LOCALHOST if localhost else ()), *RULES, *(() if inotify else (_NO_INOTIFY,)))
