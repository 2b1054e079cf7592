"""The system-call filter: its BPF program, and the kernel's behaviour with it."""

from __future__ import annotations

import errno
import re
import resource
import struct
from collections import Counter
from pathlib import Path

import pytest
from support.fixtures.supervisor import Supervisors

from cloche_supervisor.isolation import bpf, policy, syscalls, user_limits

MACHINES = syscalls.MACHINES
AUDITED = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7, "i386": 0x4000_0003, "arm": 0x4000_0028}
ALLOWED, NOTHING_DONE, PASSED_ON = "allowed", "nothing is done", "passed on"
OLD = {
    "_sysctl", "create_module", "get_kernel_syms", "inotify_init", "ioperm", "iopl", "modify_ldt",
    "query_module", "sysfs", "uselib", "ustat",
}  # fmt: skip
"""Calls that aarch64 never had."""
NO_RULES = Path(__file__).parents[2] / "attacks" / "images" / "unfiltered" / "policy.py"

machine = pytest.mark.parametrize("machine", MACHINES)


def verdict(program: bytes, number: int, audited: int, arguments: tuple[int, ...]) -> str:
    """Simulate the kernel: return `allowed`, `killed` or the error's name."""
    data = struct.pack("<iIQ6Q", number, audited, 0, *arguments, *[0] * (6 - len(arguments)))
    at = accumulator = 0
    while True:
        code, so, otherwise, operand = struct.unpack_from("=HBBI", program, 8 * at)
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, operand)
        elif code == 0x06:
            break
        else:
            held = {
                0x15: accumulator == operand,
                0x35: accumulator >= operand,
                0x45: bool(accumulator & operand),
            }[code]
            at += so if held else otherwise
    action, value = operand & 0xFFFF_0000, operand & 0xFFFF
    if action == 0x0005_0000:
        return errno.errorcode[value] if value else NOTHING_DONE
    return {0x7FFF_0000: ALLOWED, 0x7FC0_0000: PASSED_ON, 0x8000_0000: "killed"}[action]


def judged(machine: str, call: str, *arguments: int, localhost: bool = False) -> str:
    program = bpf.assemble(policy.rules(inotify=True, localhost=localhost), machine)
    return verdict(program, MACHINES[machine][call], AUDITED[machine], arguments)


@machine
@pytest.mark.parametrize(
    ("call", "arguments", "expected"),
    [
        ("socket", (1, 1, 0), ALLOWED),  # AF_UNIX
        ("socket", (1, 2, 0), ALLOWED),
        ("socket", (2, 1, 0), "EACCES"),  # AF_INET
        ("socket", (10, 1, 0), "EACCES"),  # AF_INET6
        ("socket", (16, 3, 0), "EACCES"),  # AF_NETLINK, NETLINK_ROUTE
        ("socket", (17, 3, 768), "EACCES"),  # AF_PACKET
        ("socket", (40, 1, 0), "EACCES"),  # AF_VSOCK
        ("socket", (0x1_0000_0001, 1, 0), ALLOWED),  # the kernel also truncates it to an int
        ("socket", (0x1_0000_0002, 1, 0), "EACCES"),
        ("socketpair", (1, 1, 0), ALLOWED),
        ("socketpair", (2, 1, 0), "EACCES"),
        ("clone", (0x11,), ALLOWED),  # SIGCHLD: fork
        ("clone", (0x3D0F00,), ALLOWED),  # a thread of glibc
        ("clone", (0x1000_0011,), "EPERM"),  # CLONE_NEWUSER
        ("clone", (0x4000_0011,), "EPERM"),  # CLONE_NEWNET
        ("clone", (0x0002_0011,), "EPERM"),  # CLONE_NEWNS
        ("clone3", (0, 88), "ENOSYS"),
        ("io_uring_setup", (8, 0), "ENOSYS"),
        ("prlimit64", (0, 7), ALLOWED),
        ("prlimit64", (7, 7), ALLOWED),  # another process of the program
        ("prlimit64", (1, 7), "EPERM"),
        ("prlimit64", (0x1_0000_0001, 7), "EPERM"),
        ("sched_setaffinity", (0, 8), ALLOWED),
        ("sched_setaffinity", (1, 8), "EPERM"),
        ("sched_setscheduler", (9, 0), ALLOWED),  # a thread id, as Mono and C libraries pass it
        ("sched_setscheduler", (1, 0), "EPERM"),
        ("setpriority", (0, 0, 5), ALLOWED),
        ("setpriority", (0, 1, 5), "EPERM"),
        ("setpriority", (1, 0, 5), "EPERM"),  # PRIO_PGRP: its whole group
        ("setpriority", (2, 0, 5), "EPERM"),  # PRIO_USER: all of its uid, PID 1 too
        ("ioprio_set", (1, 0, 0), ALLOWED),
        ("ioprio_set", (1, 1, 0), "EPERM"),
        ("ioprio_set", (3, 0, 0), "EPERM"),  # IOPRIO_WHO_USER
        ("unshare", (0,), "EPERM"),
        ("ptrace", (0,), "EPERM"),
        ("keyctl", (0,), "EPERM"),
        ("io_setup", (8192, 0), "ENOSYS"),
        ("sync", (), NOTHING_DONE),
        ("syncfs", (3,), NOTHING_DONE),
        ("fsync", (3,), NOTHING_DONE),
        ("msync", (0, 4096, 1), ALLOWED),  # MS_ASYNC
        ("msync", (0, 4096, 4), NOTHING_DONE),  # MS_SYNC
        ("fcntl", (3, 1), ALLOWED),  # F_GETFD
        ("fcntl", (3, 5, 0), ALLOWED),  # F_GETLK
        ("fcntl", (3, 6, 0), NOTHING_DONE),  # F_SETLK
        ("fcntl", (3, 7, 0), "ENOLCK"),  # F_SETLKW
        ("fcntl", (3, 37, 0), "ENOLCK"),  # F_OFD_SETLK
        ("fcntl", (3, 38, 0), "ENOLCK"),
        ("fcntl", (3, 1030, 0), ALLOWED),  # F_DUPFD_CLOEXEC
        ("fsetxattr", (3, 0, 0, 0, 0), "ENOTSUP"),  # Python's name for EOPNOTSUPP
        ("mmap", (0, 4096, 3, 0x22, -1 & 0xFFFF_FFFF, 0), ALLOWED),
        ("mmap", (0, 4096, 3, 0x4_0022, -1 & 0xFFFF_FFFF, 0), "ENOMEM"),  # MAP_HUGETLB
        ("memfd_create", (0, 1), ALLOWED),
        ("memfd_create", (0, 4), "ENOMEM"),
        ("shmget", (0, 4096, 0o1600), ALLOWED),
        ("shmget", (0, 4096, 0o5600), "ENOMEM"),
        ("pipe2", (0, 0o2000000), ALLOWED),  # O_CLOEXEC
        ("pipe2", (0, 0o200), "ENOPKG"),  # O_NOTIFICATION_PIPE
        ("prctl", (15, 0), ALLOWED),  # PR_SET_NAME
        ("prctl", (22, 2, 0), "EINVAL"),  # PR_SET_SECCOMP
        ("prctl", (62, 1, 0), "EINVAL"),  # PR_SCHED_CORE
        ("seccomp", (1, 0, 0), "ENOSYS"),
        ("setsockopt", (3, 1, 8), ALLOWED),  # SO_RCVBUF
        ("setsockopt", (3, 1, 26), "EPERM"),  # SO_ATTACH_FILTER
        ("setsockopt", (3, 1, 50), "EPERM"),  # SO_ATTACH_BPF
        ("setsockopt", (3, 1, 25), "EPERM"),  # SO_BINDTODEVICE
        ("setsockopt", (3, 1, 62), "EPERM"),  # SO_BINDTOIFINDEX
        ("setsockopt", (3, 0x1_0000_0001, 0x1_0000_0019), "EPERM"),
        ("setsockopt", (3, 6, 1), ALLOWED),  # TCP_NODELAY
        ("setsockopt", (3, 6, 23), ALLOWED),  # TCP_FASTOPEN
        ("setsockopt", (3, 6, 30), "ENOPROTOOPT"),  # TCP_FASTOPEN_CONNECT
        ("setsockopt", (3, 6, 19), "ENOPROTOOPT"),  # TCP_REPAIR
        ("setsockopt", (3, 6, 31), "ENOPROTOOPT"),  # TCP_ULP
        ("setsockopt", (3, 0, 1), ALLOWED),  # IP_TOS
        ("setsockopt", (3, 0, 4), "ENOPROTOOPT"),  # IP_OPTIONS, with routes in them
        ("setsockopt", (3, 0, 32), "ENOPROTOOPT"),  # IP_MULTICAST_IF
        ("setsockopt", (3, 0, 35), "ENOPROTOOPT"),  # IP_ADD_MEMBERSHIP
        ("setsockopt", (3, 0, 50), "ENOPROTOOPT"),  # IP_UNICAST_IF
        ("setsockopt", (3, 41, 26), ALLOWED),  # IPV6_V6ONLY
        ("setsockopt", (3, 41, 1), "ENOPROTOOPT"),  # IPV6_ADDRFORM
        ("setsockopt", (3, 41, 50), "ENOPROTOOPT"),  # IPV6_PKTINFO
        ("setsockopt", (3, 17, 1), "ENOPROTOOPT"),  # UDP_CORK
        ("setsockopt", (3, 282, 1), "ENOPROTOOPT"),  # SOL_TLS
        ("mbind", (0, 4096, 1), "EPERM"),
        ("adjtimex", (0,), "EPERM"),
    ],
)
def test_the_filter_judges_a_call_by_its_arguments(
    machine: str, call: str, arguments: tuple[int, ...], expected: str
) -> None:
    assert judged(machine, call, *arguments) == expected


@machine
@pytest.mark.parametrize(
    ("call", "arguments", "expected"),
    [
        ("socket", (1, 1, 0), ALLOWED),
        ("socket", (2, 1, 0), PASSED_ON),
        ("socket", (10, 3, 58), PASSED_ON),  # raw: the supervisor refuses it
        ("socket", (0x1_0000_0002, 1, 0), PASSED_ON),
        ("socket", (16, 3, 0), "EACCES"),
        ("socketpair", (2, 1, 0), "EACCES"),
        ("bind", (3, 0x1000, 16), PASSED_ON),
        ("connect", (3, 0x1000, 16), PASSED_ON),
        ("listen", (3, 1), PASSED_ON),
        ("sendmsg", (3, 0x1000, 0), PASSED_ON),
        ("sendmmsg", (3, 0x1000, 1, 0), PASSED_ON),
        ("sendto", (3, 0x1000, 1, 0, 0, 0), ALLOWED),
        ("sendto", (3, 0x1000, 1, 0, 0, 16), ALLOWED),
        ("sendto", (3, 0x1000, 1, 0, 0x1000, 16), PASSED_ON),
        ("sendto", (3, 0x1000, 1, 0, 0x7FFF_0000_0000, 16), PASSED_ON),  # its lower half is 0
        ("io_uring_setup", (8, 0), "ENOSYS"),
    ],
)
def test_the_filter_passes_calls_on_that_make_a_socket_or_take_an_address(
    machine: str, call: str, arguments: tuple[int, ...], expected: str
) -> None:
    assert judged(machine, call, *arguments, localhost=True) == expected


@machine
def test_the_filter_judges_each_call_of_the_policy(machine: str) -> None:
    for rule in policy.RULES:
        case = rule.when[0] if rule.when else {}
        values = [case.get(place, 0x7FFF_FFFF) for place in range(6)]
        arguments = [value if isinstance(value, int) else value[-1] for value in values]
        assert rule.error is not None
        expected = errno.errorcode[rule.error] if rule.error else NOTHING_DONE
        for call in MACHINES[machine].keys() & set(rule.calls):
            assert judged(machine, call, *arguments) == expected, call


@machine
def test_each_call_of_the_policy_has_a_number_on_the_machine(machine: str) -> None:
    rules = policy.rules(inotify=False, localhost=True)
    calls = {call for rule in rules for call in rule.calls}
    assert calls - set(MACHINES[machine]) == (OLD if machine == "aarch64" else set())
    assert set(MACHINES[machine]) <= calls


def test_only_calls_with_conditions_are_in_several_rules() -> None:
    named = Counter(call for rule in policy.RULES for call in rule.calls)
    twice = {call for call, times in named.items() if times > 1}
    for call in twice:
        *others, _ = [rule for rule in policy.RULES if call in rule.calls]
        assert all(rule.when for rule in others)  # they leave other arguments to the next rule


@machine
def test_the_filter_denies_inotify_only_where_watches_are_scarce(machine: str) -> None:
    number = MACHINES[machine]["inotify_init1"]
    for inotify, expected in ((True, ALLOWED), (False, "EMFILE")):
        program = bpf.assemble(policy.rules(inotify=inotify, localhost=False), machine)
        assert verdict(program, number, AUDITED[machine], (0,)) == expected


@pytest.mark.parametrize(
    ("users", "limit", "scarce"),
    [
        ("         0          0 4294967295", 128, False),
        ("         0 2355101696      65536", 128, True),
        ("         0 2355101696      65536", 2147483647, False),
    ],
)
def test_watches_are_scarce_in_a_user_namespace_with_a_low_limit(
    tmp_path: Path, users: str, limit: int, *, scarce: bool
) -> None:
    (tmp_path / "users").write_text(f"{users}\n")
    (tmp_path / "limit").write_text(f"{limit}\n")
    assert (
        user_limits.watches_are_scarce(str(tmp_path / "users"), str(tmp_path / "limit")) is scarce
    )


@machine
def test_the_filter_allows_all_other_calls(machine: str) -> None:
    program = bpf.assemble(policy.RULES, machine)
    for number in set(range(600)) - set(MACHINES[machine].values()):
        assert verdict(program, number, AUDITED[machine], (1, 1, 1)) == ALLOWED


@machine
@pytest.mark.parametrize("other", AUDITED)
def test_the_calling_convention_of_another_machine_kills_the_program(
    machine: str, other: str
) -> None:
    expected = ALLOWED if other == machine else "killed"
    assert verdict(bpf.assemble(policy.RULES, machine), 63, AUDITED[other], ()) == expected


def test_the_filter_denies_x32_calls_with_enosys() -> None:
    program = bpf.assemble(policy.RULES, "x86_64")
    for number in (0x4000_0000, 0x4000_0029, -1):
        assert verdict(program, number, AUDITED["x86_64"], ()) == "ENOSYS"


def test_a_machine_without_call_numbers_has_no_filter() -> None:
    with pytest.raises(NotImplementedError, match="does not support riscv64"):
        bpf.assemble(policy.RULES, "riscv64")


@pytest.mark.parametrize(
    ("header", "numbers"),
    [
        ("x86_64-linux-gnu/asm/unistd_64.h", syscalls.X86_64),
        ("asm-generic/unistd.h", syscalls.AARCH64),
    ],
)
def test_the_call_numbers_are_those_of_the_kernel_headers(
    header: str, numbers: dict[str, int]
) -> None:
    """Calls newer than the installed headers cannot be compared."""
    text = (Path("/usr/include") / header).read_text(encoding="utf-8")
    found = {
        name: int(number)
        for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)\b", text)
    }
    known = {name: number for name, number in numbers.items() if number <= max(found.values())}
    assert len(known) > 30
    assert {name: found[name] for name in known} == known


def test_message_queues_are_denied_in_a_user_namespace_with_a_finite_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "users").write_text("         0 2355101696      65536\n")
    (tmp_path / "all users").write_text("         0          0 4294967295\n")

    def queues(users: str, most: int) -> int:
        monkeypatch.setattr(resource, "getrlimit", lambda _: (most, most))
        return user_limits.limits_of_user(str(tmp_path / users))[resource.RLIMIT_MSGQUEUE]

    assert queues("users", 819_200) == 0
    assert queues("users", resource.RLIM_INFINITY) == 819_200
    assert queues("all users", 819_200) == 819_200


def test_the_number_of_pending_signals_of_a_program_is_limited(supervisors: Supervisors) -> None:
    code = "import resource; print(resource.getrlimit(resource.RLIMIT_SIGPENDING))"
    assert supervisors.python(code).stdout == "(1024, 1024)\n"


def test_the_program_and_all_its_children_are_filtered(supervisors: Supervisors) -> None:
    code = """if True:
        import os, socket
        def tell():
            try: socket.socket(socket.AF_INET, socket.SOCK_RAW)
            except OSError as error: print(error.errno, flush=True)
            with open("/proc/self/status") as file:
                told = [line.split()[1] for line in file if line[:8] in ("NoNewPri", "Seccomp:")]
            print(told, flush=True)
        tell()
        if os.fork() == 0:
            os.setsid()
            os.execv("/bin/sh", ["sh", "-c", "grep Seccomp: /proc/self/status"])
        os.wait()
    """
    result = supervisors.as_pid_1(code)
    assert result.stdout == "13\n['1', '2']\nSeccomp:\t2\n"


@pytest.mark.parametrize(
    "call",
    [
        "os.setpriority(os.PRIO_PROCESS, 1, 19)",
        "os.setpriority(os.PRIO_USER, 0, 19)",
        "os.sched_setscheduler(1, os.SCHED_BATCH, os.sched_param(0))",
        "os.sched_setaffinity(1, {min(os.sched_getaffinity(1))})",
        "resource.prlimit(1, resource.RLIMIT_NPROC, (50, 50))",
    ],
)
def test_a_program_cannot_change_pid_1(supervisors: Supervisors, call: str) -> None:
    reused = supervisors.reused()
    code = f"""if True:
        import os, resource
        try: {call}
        except PermissionError: print("refused")
    """
    assert reused.python(code).stdout == "refused\n"
    assert reused.bash("echo next").stdout == "next\n"


def test_a_storm_of_signals_does_not_delay_the_deadline(supervisors: Supervisors) -> None:
    code = """if True:
        import os
        for _ in range(8): os.fork()
        while True:
            os.kill(1, 17)
            os.kill(1, 15)
    """
    result = supervisors.as_pid_1(code, timeout_seconds=1.0)
    assert result.exit["timed_out"] is True
    assert result.exit["execution_seconds"] < 5


def test_a_supervisor_with_the_policy_of_the_unfiltered_image_denies_nothing(
    supervisors: Supervisors,
) -> None:
    code = "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close()"
    assert supervisors.python(code).exit["exit_code"] == 1
    supervisors.use_policy(NO_RULES)
    assert supervisors.python(code).exit["exit_code"] == 0
