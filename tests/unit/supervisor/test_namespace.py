"""The supervisor as in a Pod: PID 1 of a PID namespace, without privileges."""

from __future__ import annotations

import contextlib
import os
import signal
import time

import pytest
from support.fixtures.supervisor import (
    HELLO,
    NAMESPACE,
    UID,
    UNPRIVILEGED,
    Supervisors,
    encoded,
    frame_of,
    wait_until,
)


def test_a_program_runs_as_the_unprivileged_child_of_pid_1(supervisors: Supervisors) -> None:
    result = supervisors.as_pid_1("import os; print(os.getppid(), os.getuid())", stdin="x")
    assert (result.stdout, result.code) == (f"1 {UID}\n", 0)
    assert result.exit["exit_code"] == 0


def test_a_program_has_the_highest_oom_score(supervisors: Supervisors) -> None:
    result = supervisors.as_pid_1("print(open('/proc/self/oom_score_adj').read(), end='')")
    assert result.stdout == "1000\n"


@pytest.mark.parametrize("name", ["mem", "environ", "maps", "fd/0", "fd/1", "cwd", "root", "exe"])
def test_a_program_cannot_read_the_proc_entries_of_pid_1(
    supervisors: Supervisors, name: str
) -> None:
    code = f"""if True:
        import os
        try:
            if {name!r} in ("cwd", "root", "exe"): os.readlink("/proc/1/{name}")
            else: open("/proc/1/{name}", "rb").read(1)
        except PermissionError:
            print("refused")
    """
    assert supervisors.as_pid_1(code).stdout == "refused\n"


def test_a_program_cannot_trace_pid_1(supervisors: Supervisors) -> None:
    code = "import ctypes; print(ctypes.CDLL(None).ptrace(0x4206, 1, 0, 0))"  # PTRACE_SEIZE
    assert supervisors.as_pid_1(code).stdout == "-1\n"


def test_signals_from_the_program_do_not_affect_pid_1(supervisors: Supervisors) -> None:
    code = """if True:
        import os
        for n in range(1, 65):
            if n not in (32, 33):
                for _ in range(20):
                    os.kill(1, n)
        print("still here")
    """
    result = supervisors.as_pid_1(code)
    assert (result.stdout, result.exit["exit_code"]) == ("still here\n", 0)


def test_a_forged_sigterm_does_not_affect_pid_1(supervisors: Supervisors) -> None:
    code = """if True:
        import ctypes, os, struct
        number = {"x86_64": 129, "aarch64": 138}[os.uname().machine]  # rt_sigqueueinfo
        libc = ctypes.CDLL(None, use_errno=True)
        for code in (-1, -2, -3, -6, 0, 0x80):  # SI_QUEUE …, SI_TKILL, SI_USER, SI_KERNEL
            info = struct.pack("iiiiii", 15, 0, code, 0, 0, 0).ljust(128, b"\\0")
            print(libc.syscall(number, 1, 15, info))
    """
    result = supervisors.as_pid_1(code)
    assert result.stdout.split() == ["0", "0", "0", "-1", "-1", "-1"]
    assert result.exit["exit_code"] == 0


def test_sigterm_from_outside_ends_supervisor_and_program(supervisors: Supervisors) -> None:
    peer = supervisors.start(*NAMESPACE, *UNPRIVILEGED)
    peer.send(HELLO + encoded(frame_of(["bash", "-c", "echo go; sleep 1000"])))
    peer.read_until(b"go")
    started = time.monotonic()
    os.kill(peer.supervisor_pid(), signal.SIGTERM)
    assert peer.finish().code == 143
    assert time.monotonic() - started < 5


def test_other_signals_from_outside_do_not_affect_the_supervisor(supervisors: Supervisors) -> None:
    peer = supervisors.start(*NAMESPACE, *UNPRIVILEGED)
    peer.send(HELLO)
    peer.read_until(b"ready")
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGRTMIN):
        os.kill(peer.supervisor_pid(), number)
    peer.send(encoded(frame_of(["true"])))
    assert peer.finish().exit["exit_code"] == 0


def test_a_sigterm_storm_of_the_program_does_not_hide_one_from_outside(
    supervisors: Supervisors,
) -> None:
    peer = supervisors.start(*NAMESPACE, *UNPRIVILEGED)
    storm = "echo go; while :; do kill -TERM 1; kill -CHLD 1; done"
    peer.send(HELLO + encoded(frame_of(["bash", "-c", storm])))
    peer.read_until(b"go")
    pid = peer.supervisor_pid()

    def ended() -> bool:
        with contextlib.suppress(ProcessLookupError):  # its pid is not reaped before ours
            os.kill(pid, signal.SIGTERM)
        return peer.process.poll() is not None

    wait_until(ended)
    assert peer.process.returncode == 143


def test_a_fork_bomb_ends_at_the_timeout(supervisors: Supervisors) -> None:
    code = """if True:
        import os
        while True:
            try:
                os.fork()
            except OSError:
                pass
    """
    started = time.monotonic()
    result = supervisors.as_pid_1(code, timeout_seconds=1.0)
    assert time.monotonic() - started < 15
    assert result.exit["timed_out"] is True
    assert result.code == 0


def test_a_bomb_of_orphans_ends_with_the_program(supervisors: Supervisors) -> None:
    # Each generation forks the next and ends, so that no parent knows which process is alive.
    code = """if True:
        import os, sys, time
        def run():
            os.setsid()
            while True:
                try:
                    if os.fork(): os._exit(0)
                except OSError:
                    pass
        for _ in range(20):
            if os.fork() == 0: run()
        time.sleep(0.3)
        print("gone")
    """
    result = supervisors.as_pid_1(code)
    assert (result.stdout, result.exit["exit_code"], result.code) == ("gone\n", 0, 0)
    assert result.exit["execution_seconds"] < 5


def test_surviving_children_do_not_hold_the_pipes_open(supervisors: Supervisors) -> None:
    code = """if True:
        import os, signal, time
        for _ in range(5):
            if os.fork() == 0:
                os.setsid()
                for n in range(1, 32):
                    try: signal.signal(n, signal.SIG_IGN)
                    except OSError: pass
                while True: os.write(1, b"still writing\\n")
        time.sleep(0.2)
        os._exit(5)
    """
    started = time.monotonic()
    result = supervisors.as_pid_1(code)
    assert time.monotonic() - started < 10
    assert (result.exit["exit_code"], result.exit["timed_out"]) == (5, False)
    assert result.exit["stdout_truncated"] is True


def test_orphaned_zombies_are_reaped_while_the_program_runs(supervisors: Supervisors) -> None:
    code = """if True:
        import os, time
        for _ in range(300):
            if os.fork() == 0:
                if os.fork() == 0: os._exit(0)
                os._exit(0)
            os.wait()
        end = time.monotonic() + 10
        while time.monotonic() < end:
            others = [p for p in os.listdir("/proc") if p.isdecimal()]
            if len(others) == 2: break
        print(sorted(others) == ["1", str(os.getpid())])
    """
    assert supervisors.as_pid_1(code).stdout == "True\n"


def test_no_process_is_left_before_the_syntax_check(supervisors: Supervisors) -> None:
    peer = supervisors.start(*NAMESPACE, *UNPRIVILEGED)
    check = ["bash", "-c", "set -- /proc/[0-9]*; echo error: $# >&2; exit 1"]
    run = ["bash", "-c", "setsid sleep 1000 & setsid sleep 1000 & exit 1"]
    result = peer.run(frame_of(run, syntax_check={"command": check}))
    assert result.exit["syntax_error"] == "error: 2"
