"""Consecutive programs in one Pod: each finds nothing of the previous one."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from support.fixtures.supervisor import (
    PYTHON,
    UID,
    UNPRIVILEGED,
    Reused,
    Supervisors,
    encoded,
    frame_of,
    wait_until,
)

_LIST_LEFTOVERS = """if True:
    import os
    print(sorted(os.listdir(b".")))
    print(os.listdir(b"/dev/shm"))
    for kind in "shm", "sem", "msg":
        print(len(open(f"/proc/sysvipc/{kind}").readlines()))
    print(sorted(int(name) for name in os.listdir("/proc") if name.isdecimal()) == [1, os.getpid()])
"""
_NO_LEFTOVERS = "[b'.tmp', b'main.py']\n[]\n1\n1\n1\nTrue\n"


def _check_that_nothing_is_left(reused: Reused, code: str) -> Any:
    """Run Python code that leaves something; check that the next program does not find it."""
    result = reused.python(code)
    assert (result.stderr, result.exit["exit_code"]) == ("", 0)
    assert reused.python(_LIST_LEFTOVERS).stdout == _NO_LEFTOVERS
    return result


def test_each_of_several_programs_finds_a_clean_pod(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    for number in range(3):
        result = reused.python(_LIST_LEFTOVERS, stdin=str(number))
        assert result.stdout == _NO_LEFTOVERS
        assert result.stages == ["run"]
    last = reused.send(["cat"], "exit", stdin="bye")
    assert last.stdout == "bye"
    assert (reused.end().events, reused.peer.process.returncode) == ([], 0)


@pytest.mark.parametrize(
    "code",
    [
        "import os; os.makedirs('a/.b/c'); open('a/.b/c/.d', 'w'); open('.hidden', 'w')",
        "import os; os.makedirs('a/b'); open('a/b/c', 'w'); os.chmod('a/b', 0); os.chmod('a', 0)",
        "import os; os.mkdir('a'); open('a/b', 'w'); os.chmod('a/b', 0); os.chmod('a', 0o555)",
        "import os; os.mkdir(b'\\xff'); open(b'\\xff/\\xfe\\n', 'w'); open(b'new\\nline', 'w')",
        "import os; os.mkfifo('fifo'); os.link('fifo', 'another'); os.chmod('.tmp', 0)",
        "import socket; socket.socket(socket.AF_UNIX).bind('socket')",
        "import os; os.rmdir('.tmp'); os.unlink('main.py')",
        "import os; os.rmdir('.tmp'); os.symlink('/', '.tmp'); os.symlink('none', 'dangling')",
        "file = open('gone', 'w+b'); import os; os.unlink('gone'); os.write(file.fileno(), b'x')",
        "for name in '-rf', '*', 'n'.ljust(255, 'n'), ' ': open(name, 'w')",
        "open('/dev/shm/-x', 'w'); open(b'/dev/shm/\\xff.' + b'y' * 240, 'w')",
        "import os; os.makedirs('/dev/shm/a/b'); os.chmod('/dev/shm/a', 0)",
    ],
)
def test_files_of_the_previous_program_are_removed(supervisors: Supervisors, code: str) -> None:
    reused = supervisors.reused()
    _check_that_nothing_is_left(reused, code)


def test_extended_attributes_of_the_workspace_are_removed(supervisors: Supervisors) -> None:
    """The filter keeps programs from setting them; the reset must not depend on that."""
    reused = supervisors.reused()
    assert reused.python("pass").stdout == ""  # the supervisor now knows the original attributes
    os.setxattr(reused.place, "user.note", b"read me")
    assert reused.python("import os; print(os.listxattr('.'))").stdout == "['user.note']\n"
    assert reused.python("import os; print(os.listxattr('.'))").stdout == "[]\n"


def test_the_reset_does_not_follow_links(supervisors: Supervisors) -> None:
    outside = supervisors.workspace.with_name("outside")
    outside.mkdir()
    (outside / "file").touch()
    outside.chmod(0o777)
    code = f"""if True:
        import os
        for name in "a", ".b": os.symlink({str(outside)!r}, name)
        os.mkdir("c")
        for name in "c/d", "c/e": os.symlink({str(outside)!r}, name)
        os.symlink({str(outside / "file")!r}, "e")
        os.symlink({str(outside)!r}, "/dev/shm/f")
    """
    _check_that_nothing_is_left(supervisors.reused(), code)
    assert [path.name for path in outside.iterdir()] == ["file"]
    assert outside.stat().st_mode & 0o777 == 0o777


def test_a_hundred_thousand_files_are_removed(supervisors: Supervisors) -> None:
    code = """if True:
        import os
        for i in range(300): os.mkdir(f"d{i}")
        for i in range(50_000): os.mknod(f"{i}")
        for i in range(50_000): os.mknod(f"d{i % 300}/{i}")
        for i in range(5_000): os.mkdir(f"/dev/shm/{i}")
    """
    _check_that_nothing_is_left(supervisors.reused(), code)


@pytest.mark.parametrize("branches", [1, 3])
def test_deep_directories_are_removed(supervisors: Supervisors, branches: int) -> None:
    code = f"""if True:
        import os
        top = os.getcwd()
        for i in range({branches}):
            os.chdir(top)
            for j in range(5_000):
                name = str(i) * 100
                os.mkdir(name)
                os.mknod("file")
                os.chdir(name)
                os.mkdir("empty")
                if j % 7 == 0: os.chmod(".", 0o300)
                os.rename("../file", "another")
            os.chmod("..", 0)
    """
    _check_that_nothing_is_left(supervisors.reused(), code)


@pytest.mark.parametrize("afterwards", ["reset", "keepFiles"])
def test_message_queues_are_removed(supervisors: Supervisors, afterwards: str) -> None:
    reused = supervisors.reused()
    queues = Path(f"/proc/{reused.pid}/root{supervisors.workspace.with_name('mqueue')}")
    code = f"""if True:
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        for name in b"/queue", b"/\\xff", b"/" + b"x" * 250:
            assert libc.mq_open(name, os.O_CREAT | os.O_RDWR, 0, None) >= 0
        print(len(os.listdir({str(supervisors.workspace.with_name("mqueue"))!r})))
    """
    result = reused.python(code, afterwards)
    assert (result.stderr, result.stdout) == ("", "3\n")
    assert list(queues.iterdir()) == []


@pytest.mark.parametrize("afterwards", ["reset", "keepFiles"])
def test_system_v_ipc_objects_are_removed(supervisors: Supervisors, afterwards: str) -> None:
    code = """if True:
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        for mode in 0, 0o600, 0o600:
            segment, queue = libc.shmget(0, 10_000_000, mode), libc.msgget(0, mode)
            assert min(segment, queue, libc.semget(0, 3, mode)) >= 0
            if mode:
                libc.shmat(segment, None, 0)
                assert libc.msgsnd(queue, bytes([1] * 8) + b"secret", 6, 0) == 0
        for kind in "shm", "sem", "msg":
            print(len(open(f"/proc/sysvipc/{kind}").readlines()) - 1, end=" ")
    """
    reused = supervisors.reused()
    result = reused.python(code, afterwards)
    assert (result.stderr, result.stdout) == ("", "3 3 3 ")
    assert reused.python(_LIST_LEFTOVERS).stdout == _NO_LEFTOVERS


_BOMB = """if True:
    import os, signal, time
    def run():
        os.setsid()
        for number in range(1, 32):
            try: signal.signal(number, signal.SIG_IGN)
            except OSError: pass
        while True:
            try:
                if os.fork(): os._exit(0)
                open(f"/dev/shm/{os.getpid()}", "w"); open(f"{os.getpid()}", "w")
            except OSError:
                pass
    for _ in range(20):
        if os.fork() == 0: run()
    time.sleep(0.1)
"""


def test_processes_that_fork_during_the_kill_are_killed(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    for _ in range(3):
        _check_that_nothing_is_left(reused, _BOMB)


@pytest.mark.parametrize(
    "code",
    [
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(1000)",
        "import os, time\nif os.fork() == 0:\n    if os.fork() == 0: time.sleep(1000)",
        "import os, signal\npid = os.fork()\nif pid == 0: signal.pause()\nos.kill(pid, 19)",
        "import os, pty\npid, _ = pty.fork()\nif pid == 0: os.execvp('sleep', ['sleep', '1000'])",
    ],
)
@pytest.mark.parametrize("afterwards", ["reset", "keepFiles"])
def test_processes_of_the_previous_program_are_killed(
    supervisors: Supervisors, code: str, afterwards: str
) -> None:
    reused = supervisors.reused()
    reused.python(code, afterwards)
    assert reused.python(_LIST_LEFTOVERS).stdout == _NO_LEFTOVERS


def test_a_process_of_another_user_ends_the_pod(supervisors: Supervisors) -> None:
    """A process from outside has entered the Pod; it cannot be killed from inside."""
    reused = supervisors.reused()
    with subprocess.Popen(
        ["nsenter", "--target", str(reused.pid), "--pid", "sh", "-c", "echo here; exec sleep 1000"],
        stdout=subprocess.PIPE,
    ) as visitor:
        assert visitor.stdout is not None
        assert visitor.stdout.readline() == b"here\n"
        assert reused.send(["true"]).exit["exit_code"] == 0
        result = reused.end()
        visitor.kill()
    assert (result.code, result.error) == (1, "reset: a process is still running")


def test_a_file_of_another_user_ends_the_pod(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    (reused.place / "theirs").mkdir(mode=0o700)
    (reused.place / "theirs" / "file").touch()
    assert reused.send(["true"]).exit["exit_code"] == 0
    result = reused.end()
    assert result.code == 1
    assert result.error == f"reset: {supervisors.workspace}: Permission denied"


def test_a_reset_that_takes_too_long_ends_the_pod(supervisors: Supervisors) -> None:
    reused = supervisors.reused(reset_seconds=0)
    reused.run(["true"])
    code = "import os\nfor i in range(1000): os.mknod(str(i))"
    assert reused.send([supervisors.interpreter, "-c", code]).exit["exit_code"] == 0
    result = reused.end()
    assert result.code == 1
    words = "not everything could be removed within 0 s"
    assert result.error == f"reset: {supervisors.workspace}: {words}"


def test_a_supervisor_that_is_not_pid_1_does_not_reset(supervisors: Supervisors) -> None:
    (supervisors.workspace / "kept").touch()
    result = supervisors.start().run(frame_of(["true"], afterwards="reset"))
    assert (result.code, result.error) == (1, "reset: the supervisor is not PID 1")
    assert result.events[-2]["event"] == "exit"
    assert (supervisors.workspace / "kept").exists()


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("renice -n 19 -p {pid}", "priority"),
        ("chrt --batch --pid 0 {pid}", "scheduling policy"),
        ("taskset --cpu-list --pid 0 {pid}", "CPU affinity"),
        ("prlimit --pid {pid} --nproc=50:50", "resource limits"),
        ("prlimit --pid {pid} --cpu=1000:1000", "resource limits"),
    ],
)
@pytest.mark.parametrize("afterwards", ["reset", "keepFiles"])
def test_a_changed_attribute_of_the_supervisor_ends_the_pod(
    supervisors: Supervisors, command: str, what: str, afterwards: str
) -> None:
    """The filter keeps programs from this. A process with its uid and no filter affects one Pod."""
    reused = supervisors.reused()
    reused.run(["true"])
    change = command.format(pid=reused.pid).split()
    subprocess.run([*UNPRIVILEGED, *change], check=True, capture_output=True)
    reused.send(["true"], afterwards)
    result = reused.end()
    assert (result.code, result.error) == (1, f"reset: the supervisor's {what} changed")


def test_the_mode_of_a_workspace_owned_by_the_program_is_restored(supervisors: Supervisors) -> None:
    reused = supervisors.reused(options=f"mode=751,uid={UID},gid={UID}")
    _check_that_nothing_is_left(
        reused, "import os; os.mkdir('a'); os.chmod('a', 0); os.chmod('.', 0)"
    )
    assert reused.bash("stat -c %a .").stdout == "751\n"


def test_changes_of_a_process_to_itself_do_not_affect_the_next(supervisors: Supervisors) -> None:
    code = """if True:
        import os, resource
        print(sorted(os.environ), os.getcwd(), os.umask(0o777), os.nice(0))
        print([resource.getrlimit(n) for n in range(16)], os.sched_getaffinity(0))
        print(os.listdir("/proc/self/fd"), flush=True)
        os.environ["A"] = "B"; os.chdir("/"); os.nice(5)
        for number in 1, 6, 7, 9: resource.setrlimit(number, (0, 0))  # FSIZE, NPROC, NOFILE, AS
    """
    reused = supervisors.reused()
    small = {"rlimits": {"nproc": 30, "nofile": 30, "fsize": 3000, "core": 0, "stack": 3000000}}
    first = reused.python(code).stdout
    other = reused.python(code, environment={"C": "D"}, limits=small).stdout
    assert "'C'" in other
    assert "(30, 30)" in other
    assert reused.python(code).stdout == first
    assert reused.python(code, environment={"C": "D"}, limits=small).stdout == other


def test_counts_and_times_are_those_of_one_execution(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    busy = "import time\nwhile time.process_time() < 0.5: pass\nprint('x' * 5000)"
    first = reused.python(busy, limits={"stdout_bytes": 100})
    assert (first.exit["stdout_bytes"], first.exit["stdout_truncated"]) == (5001, True)
    assert first.exit["cpu_seconds"] >= 0.5
    second = reused.run(["echo", "y"], limits={"stdout_bytes": 100})
    assert (second.exit["stdout_bytes"], second.exit["stdout_truncated"]) == (2, False)
    assert second.exit["cpu_seconds"] < 0.4
    assert second.exit["execution_seconds"] < first.exit["execution_seconds"]


def test_out_of_memory_is_reported_only_for_the_execution_concerned(
    supervisors: Supervisors,
) -> None:
    # The program acts as the kernel and writes the cgroup's count.
    counts = supervisors.workspace.with_name("cgroup")
    counts.mkdir()
    (counts / "memory.events").write_text("oom_kill 7\n", encoding="utf-8")
    (counts / "memory.events").chmod(0o666)
    mount = f'mount --bind {counts} /sys/fs/cgroup && exec "$@"'
    reused = supervisors.reused("sh", "-c", mount, "sh")
    for command, killed in [
        ("kill -9 $$", False),
        ("echo oom_kill 8 > /sys/fs/cgroup/memory.events; kill -9 $$", True),
        ("kill -9 $$", False),
        ("echo oom_kill 9 > /sys/fs/cgroup/memory.events; kill -9 $$", True),
    ]:
        assert reused.bash(command).exit["out_of_memory"] is killed


def test_the_timeout_of_a_program_does_not_include_the_wait_before_it(
    supervisors: Supervisors,
) -> None:
    reused = supervisors.reused()
    timeout = 1.5
    reused.run(["true"], timeout_seconds=timeout)
    end = time.monotonic() + timeout
    wait_until(lambda: time.monotonic() > end)
    assert reused.run(["sleep", "0.5"], timeout_seconds=timeout).exit["timed_out"] is False
    found = reused.run(["sleep", "60"], timeout_seconds=timeout).exit
    assert found["timed_out"] is True
    assert found["execution_seconds"] > 1.4
    assert reused.python(_LIST_LEFTOVERS).stdout == _NO_LEFTOVERS


def test_another_program_runs_after_each_kind_of_end(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    compiler = {"command": ["bash", "-c", "echo no >&2; exit 1"], "timeout_seconds": 5.0}
    check = {"command": ["bash", "-c", "echo 'error: no' >&2; touch made; exit 1"]}
    assert reused.bash("kill -11 $$").exit["signal"] == 11
    assert reused.run(["no-such-program"]).exit["exit_code"] == 127
    assert reused.run(["true"], compile=compiler).exit["syntax_error"] == "no"
    assert reused.run(["false"], syntax_check=check).exit["syntax_error"] == "error: no"
    assert reused.bash("echo x > out", output_files=["*"]).exit["files"]
    assert reused.python(_LIST_LEFTOVERS).stdout == _NO_LEFTOVERS


def test_many_runs_do_not_grow_the_supervisor(supervisors: Supervisors) -> None:
    reused = supervisors.reused()

    def measured(runs: int) -> tuple[list[str], int]:
        for number in range(runs):
            code = f"echo {'x' * 5_000}; exit {number % 2}"
            reused.bash(code, syntax_check={"command": ["true"]})
        text = Path(f"/proc/{reused.pid}/status").read_text(encoding="utf-8")
        anonymous = next(line for line in text.splitlines() if line.startswith("RssAnon:"))
        descriptors = [path.name for path in Path(f"/proc/{reused.pid}/fd").iterdir()]
        return descriptors, int(anonymous.split()[1])  # KiB

    before, after = measured(50), measured(300)
    assert sorted(after[0]) == sorted(before[0])
    assert after[1] - before[1] < 256


def test_a_large_frame_is_not_kept_in_memory(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    reused.run(["true"])
    status = Path(f"/proc/{reused.pid}/statm")
    before = int(status.read_text(encoding="utf-8").split()[1])
    code = "import sys; sys.stdout.write('\\0' * 262144)"
    reused.python(code, files=[{"path": "main.py", "text": "x" * 4_000_000}])
    after = int(status.read_text(encoding="utf-8").split()[1])
    assert (after - before) * os.sysconf("SC_PAGE_SIZE") < 2 * 1024 * 1024


def test_the_supervisor_ends_before_its_log_is_rotated(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    code = "import os; os.write(1, b'\\0' * 262144)"
    command = [supervisors.interpreter, "-c", code]
    reused.run(command)
    result = reused.send(command)  # 1.5 MiB as JSON each time
    assert result.stdout == "\0" * 262_144
    result = reused.end()
    assert (result.code, result.events) == (0, [])


def test_the_supervisor_ends_when_the_input_ends_between_programs(supervisors: Supervisors) -> None:
    for afterwards in ("reset", "keepFiles"):
        reused = supervisors.reused()
        reused.run(["true"], afterwards)
        result = reused.end()
        # The number of its last event shows a log's reader that nothing is missing.
        assert [event["message"] for event in result.events] == ["the input ended"]
        assert result.code == 0


def test_the_supervisor_ends_after_the_program_when_the_input_ended_meanwhile(
    supervisors: Supervisors,
) -> None:
    reused = supervisors.reused()
    reused.peer.send(encoded(frame_of(["cat"], stdin="x", afterwards="reset")))
    result = reused.end()
    assert [event["event"] for event in result.events] == [
        "started",
        "stdout",
        "exit",
        "ready",
        "error",
    ]
    assert result.code == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\0\0", "frame: the input ended within the length"),
        (b"\0\0\0\5{}", "frame: the input ended after 2 of 5 bytes"),
        (b"\0\0\0\2{}", "frame: protocol: is missing"),
        (b"CLO\1", "frame: 1129074433 bytes exceed the limit of 4194304"),
    ],
)
def test_a_later_frame_is_validated_like_the_first(
    supervisors: Supervisors, data: bytes, message: str
) -> None:
    reused = supervisors.reused()
    reused.run(["true"])
    reused.peer.send(data)
    result = reused.end()
    assert (result.code, result.error) == (2, message)


def test_sigterm_ends_a_supervisor_that_waits_for_a_program(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    reused.run(["true"])
    os.kill(reused.pid, signal.SIGTERM)
    assert reused.peer.process.wait(timeout=20) == 143


def test_sigterm_ends_a_supervisor_during_its_reset(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    code = "import os\nfor i in range(200_000): os.mknod(str(i))"  # removing them takes a while
    assert reused.send([supervisors.interpreter, "-c", code]).exit["exit_code"] == 0
    os.kill(reused.pid, signal.SIGTERM)
    assert reused.peer.process.wait(timeout=20) == 143
    assert reused.end().events == []


def test_a_reader_stopped_during_the_reset_receives_everything(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    code = "import os; os.write(1, b'x' * 262144); os.mkdir('a'); open('a/b', 'w')"
    frame = frame_of([PYTHON, "-c", code], afterwards="reset")
    reused.peer.send(encoded(frame))
    wait_until((reused.place / "a" / "b").exists)
    result = reused.end()
    assert result.stdout == "x" * 262_144
    assert [event["event"] for event in result.events][-3:] == ["exit", "ready", "error"]


def test_a_reader_that_never_resumes_ends_the_pod(supervisors: Supervisors) -> None:
    reused = supervisors.reused(drain_seconds=0.2)
    frame = frame_of(["head", "-c", "262144", "/dev/zero"], afterwards="reset")
    reused.peer.send(encoded(frame))
    assert reused.peer.process.wait(timeout=20) == 1
    assert b"ready" not in reused.peer.output.read()
