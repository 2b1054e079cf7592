"""Consecutive programs in one Pod: each finds nothing of the previous one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from support.fixtures.supervisor import (
    UID,
    UNPRIVILEGED,
    Result,
    Reused,
    Supervisors,
    frame_of,
)
from unit.supervisor.leftovers import LIST_LEFTOVERS, NO_LEFTOVERS


def _check_that_nothing_is_left(reused: Reused, code: str) -> Result:
    """Run Python code that leaves something; check that the next program does not find it."""
    result = reused.python(code)
    assert (result.stderr, result.exit["exit_code"]) == ("", 0)
    assert reused.python(LIST_LEFTOVERS).stdout == NO_LEFTOVERS
    return result


def test_each_of_several_programs_finds_a_clean_pod(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    for number in range(3):
        result = reused.python(LIST_LEFTOVERS, stdin=str(number))
        assert result.stdout == NO_LEFTOVERS
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


@pytest.mark.parametrize("afterwards", ["reset", "keepFiles"])
def test_extended_attributes_of_emptied_directories_are_removed(
    supervisors: Supervisors, afterwards: str
) -> None:
    """The filter keeps programs from setting them; the reset must not depend on that."""
    shared = supervisors.workspace.with_name("shared")
    shared.mkdir()
    shared.chmod(0o777)
    reused = supervisors.reused(memory_directories=[str(shared)])
    assert reused.python("pass").stdout == ""  # the supervisor now knows the original attributes
    os.setxattr(reused.place, "user.note", b"read me")
    os.setxattr(shared, "user.note", b"read me")
    code = f"import os; print(os.listxattr('.'), os.listxattr({str(shared)!r}))"
    assert reused.python(code, afterwards).stdout == "['user.note'] ['user.note']\n"
    workspaces = {"reset": "[]", "keepFiles": "['user.note']"}[afterwards]
    assert reused.python(code).stdout == f"{workspaces} []\n"


@pytest.mark.parametrize("afterwards", ["reset", "keepFiles"])
def test_the_mode_of_shared_memory_is_restored(supervisors: Supervisors, afterwards: str) -> None:
    place = supervisors.workspace.with_name("shared")
    place.mkdir()
    os.chown(place, UID, UID)
    reused = supervisors.reused(memory_directories=[str(place), "/no/such/directory"])
    assert reused.python(f"import os; os.chmod({str(place)!r}, 0)", afterwards).stdout == ""
    look = f"import os; print(oct(os.stat({str(place)!r}).st_mode), os.listdir({str(place)!r}))"
    assert reused.python(look).stdout == "0o40755 []\n"


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
    assert reused.python(LIST_LEFTOVERS).stdout == NO_LEFTOVERS


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
    assert reused.python(LIST_LEFTOVERS).stdout == NO_LEFTOVERS


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
