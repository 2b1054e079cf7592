from __future__ import annotations

import contextlib
import os
import pwd
import signal
import time
from pathlib import Path

import pytest
from support.fixtures.supervisor import HELLO, UID, Supervisors, encoded, frame_of


def test_the_exit_event_has_the_output_and_figures_of_a_program(supervisors: Supervisors) -> None:
    result = supervisors.bash("echo out; echo err >&2; exit 7")
    assert (result.stdout, result.stderr) == ("out\n", "err\n")
    found = result.exit
    assert (found["exit_code"], found["signal"], found["timed_out"]) == (7, None, False)
    assert (found["stdout_bytes"], found["stderr_bytes"]) == (4, 4)
    assert found["compile_seconds"] is None
    assert found["check_seconds"] is None
    assert 0 < found["execution_seconds"] < 20
    assert 0 < found["cpu_seconds"] < 20
    assert found["max_memory_bytes"] > 100_000
    assert result.code == 0


@pytest.mark.parametrize("code", [0, 1, 2, 125, 128, 137, 255])
def test_the_exit_code_of_a_program_is_reported(supervisors: Supervisors, code: int) -> None:
    found = supervisors.bash(f"exit {code}").exit
    assert (found["exit_code"], found["signal"], found["out_of_memory"]) == (code, None, False)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGPIPE])
def test_a_program_killed_by_a_signal_is_reported_with_it(
    supervisors: Supervisors, number: int
) -> None:
    found = supervisors.bash(f"kill -{int(number)} $$").exit
    assert (found["exit_code"], found["signal"]) == (128 + number, number)
    assert found["out_of_memory"] is False


@pytest.mark.parametrize(
    ("command", "code", "text"),
    [
        (["no-such-program"], 127, "no-such-program: No such file or directory\n"),
        (["/etc/passwd"], 126, "/etc/passwd: Permission denied\n"),
        (["./main.py"], 126, "./main.py: Permission denied\n"),
        (["/etc/passwd/x"], 127, "/etc/passwd/x: No such file or directory\n"),
    ],
)
def test_a_command_that_cannot_be_run_has_the_shells_exit_code(
    supervisors: Supervisors, command: list[str], code: int, text: str
) -> None:
    result = supervisors.run(command)
    assert (result.exit["exit_code"], result.stderr, result.code) == (code, text, 0)


def test_a_program_receives_its_complete_stdin(supervisors: Supervisors) -> None:
    text = "grün\n" * 60_000
    result = supervisors.python(
        "import sys, time; data = sys.stdin.buffer.read(); print(len(data), data[-6:])", stdin=text
    )
    assert result.stdout == f"{len(text.encode())} {text.encode()[-6:]!r}\n"


def test_a_program_without_stdin_reads_an_end_of_file(supervisors: Supervisors) -> None:
    result = supervisors.python("import sys; print(repr(sys.stdin.read()))")
    assert result.stdout == "''\n"


def test_unread_stdin_does_not_block_the_run(supervisors: Supervisors) -> None:
    assert supervisors.run(["true"], stdin="x" * 262_144).exit["exit_code"] == 0
    assert supervisors.bash("exec <&-; echo on", stdin="x" * 262_144).stdout == "on\n"


def test_concurrent_stdin_and_stdout_do_not_deadlock(supervisors: Supervisors) -> None:
    text = "y" * 262_144
    assert supervisors.run(["cat"], stdin=text).stdout == text


def test_the_environment_of_a_program_has_only_the_documented_variables(
    supervisors: Supervisors,
) -> None:
    result = supervisors.run(["env"], environment={"NAME": "value=1\nsecond", "LANG": "C"})
    workspace = supervisors.workspace
    assert sorted(result.stdout.splitlines()) == sorted(
        [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            f"HOME={workspace}",
            f"TMPDIR={workspace}/.tmp",
            "LANG=C",
            "TERM=xterm",
            f"USER={pwd.getpwuid(os.getuid()).pw_name}",
            f"LOGNAME={pwd.getpwuid(os.getuid()).pw_name}",
            "NAME=value=1",
            "second",
        ]
    )


def test_a_user_without_a_name_has_no_name_in_its_environment(supervisors: Supervisors) -> None:
    code = "import os; print(os.getuid(), sorted(set(os.environ) & {'USER', 'LOGNAME'}))"
    assert supervisors.as_pid_1(code).stdout == f"{UID} []\n"


def test_a_request_may_set_the_variables_that_every_program_gets(supervisors: Supervisors) -> None:
    asked = {"TERM": "dumb", "USER": "ada", "LOGNAME": "ada", "HOME": "/"}
    lines = supervisors.run(["env"], environment=asked).stdout.splitlines()
    assert {f"{name}={value}" for name, value in asked.items()} <= set(lines)
    assert len(lines) == 7


def test_a_program_clears_its_terminal(supervisors: Supervisors) -> None:
    result = supervisors.bash("clear && tput cols")
    assert (result.exit["exit_code"], result.stderr) == (0, "")
    assert result.stdout.endswith("80\n")


def test_a_program_has_the_documented_directory_descriptors_and_limits(
    supervisors: Supervisors,
) -> None:
    code = """if True:
        import os, resource, signal, tempfile
        print(os.getcwd(), tempfile.gettempdir(), os.getsid(0) == os.getpid())
        print(sorted(os.listdir("/proc/self/fd"))[:3], len(os.listdir("/proc/self/fd")))
        print(open("/proc/self/oom_score_adj").read().strip())
        status = dict(line.split(":\\t", 1) for line in open("/proc/self/status"))
        print(status["NoNewPrivs"].strip(), status["SigBlk"].strip(), status["Umask"].strip())
        for name in ("NPROC", "NOFILE", "FSIZE", "CORE", "STACK"):
            print(name, *resource.getrlimit(getattr(resource, f"RLIMIT_{name}")))
    """
    lines = supervisors.python(code).stdout.splitlines()
    workspace = supervisors.workspace
    assert lines == [
        f"{workspace} {workspace}/.tmp True",
        "['0', '1', '2'] 4",  # and the listing's own
        "1000",
        "1 0000000000000000 0022",
        "NPROC 256 256",
        "NOFILE 1024 1024",
        "FSIZE 104857600 104857600",
        "CORE 0 0",
        "STACK 8388608 8388608",
    ]


def test_a_program_ignores_no_signals(supervisors: Supervisors) -> None:
    result = supervisors.run(["grep", "SigIgn", "/proc/self/status"])
    name, ignored = result.stdout.split()
    assert name == "SigIgn:"
    # Signals 32 and 33 are reserved by the C library, whose calls cannot set them.
    assert int(ignored, 16) & ~(0b11 << 31) == 0


def test_a_program_inherits_no_descriptor_of_the_supervisors_parent(
    supervisors: Supervisors,
) -> None:
    peer = supervisors.start("bash", "-c", 'exec 7</etc/passwd 300</etc/passwd "$@"', "bash")
    result = peer.run(frame_of(["ls", "/proc/self/fd"]))
    assert result.stdout.split() == ["0", "1", "2", "3"]


def test_a_file_over_its_size_limit_ends_the_program(supervisors: Supervisors) -> None:
    limits = {"rlimits": {"nproc": 256, "nofile": 64, "fsize": 4096, "core": 0, "stack": 8388608}}
    result = supervisors.run(["head", "-c", "5000", "/dev/zero"], limits=limits)
    assert result.exit["exit_code"] == 0  # a pipe has no size limit
    result = supervisors.run(["dd", "if=/dev/zero", "of=big", "bs=5000", "count=2"], limits=limits)
    assert result.exit["signal"] == signal.SIGXFSZ


def test_a_timeout_keeps_the_output_printed_before(supervisors: Supervisors) -> None:
    started = time.monotonic()
    result = supervisors.bash("echo before; sleep 100; echo after", timeout_seconds=1.5)
    assert time.monotonic() - started < 10
    found = result.exit
    assert result.stdout == "before\n"
    assert (found["timed_out"], found["exit_code"], found["signal"]) == (True, 137, 9)
    assert 1.4 <= found["execution_seconds"] < 6  # writing the files counts too
    assert found["out_of_memory"] is False


@pytest.mark.parametrize(
    "code",
    [
        "trap '' TERM INT HUP QUIT; while :; do sleep 1; done",
        "kill -STOP $$",
        "exec >&- 2>&- <&-; sleep 100",
        "while :; do :; done",
        "yes",
    ],
)
def test_a_program_cannot_avoid_the_timeout(supervisors: Supervisors, code: str) -> None:
    started = time.monotonic()
    result = supervisors.bash(code, timeout_seconds=0.3)
    assert time.monotonic() - started < 10
    assert result.exit["timed_out"] is True


def test_grandchildren_end_with_the_program(supervisors: Supervisors) -> None:
    started = time.monotonic()
    result = supervisors.bash(
        "(setsid sleep 765431 & setsid setsid sleep 765431 &) ; echo $$; exit 3"
    )
    assert time.monotonic() - started < 10
    assert result.exit["exit_code"] == 3
    assert not _with_command(b"sleep\x00765431\x00")


def _with_command(command: bytes) -> list[Path]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if path.read_bytes() == command:
                found.append(path)
    return found


def test_signals_from_the_program_do_not_affect_the_supervisor(supervisors: Supervisors) -> None:
    result = supervisors.python(
        "import os, signal\n"
        "for n in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:\n"
        "    if n not in (4, 5, 6, 7, 8, 11, 31) and n < 32: os.kill(os.getppid(), n)\n"
        "print('still here')"
    )
    assert (result.stdout, result.exit["exit_code"]) == ("still here\n", 0)


def test_sigterm_from_outside_ends_supervisor_and_program(supervisors: Supervisors) -> None:
    peer = supervisors.start()
    peer.send(HELLO + encoded(frame_of(["bash", "-c", "echo go; sleep 765432"])))
    peer.read_until(b"go")
    peer.process.terminate()
    result = peer.finish()
    assert result.code == 143
    assert result.events[-1]["event"] == "stdout"
    assert not _with_command(b"sleep\x00765432\x00")


def test_sigterm_ends_a_supervisor_that_waits_for_its_input(supervisors: Supervisors) -> None:
    for data in (b"", HELLO, HELLO + b"\0\0\1"):
        peer = supervisors.start()
        # The hello ensures that signals are handled; without it SIGTERM's default is sufficient.
        peer.send(data)
        if data:
            peer.read_until(b"ready")
        peer.process.terminate()
        assert peer.finish().code in {143, -signal.SIGTERM}


def test_the_cpu_time_of_grandchildren_is_counted(supervisors: Supervisors) -> None:
    code = "python3 -c 'import time\nwhile time.process_time() < 0.3: pass'; true"
    assert supervisors.bash(code).exit["cpu_seconds"] >= 0.3
