"""Executions of one session: files persist, nothing else does, and no file breaks the next one."""

from __future__ import annotations

import pytest
from support.fixtures.supervisor import PYTHON, UID, Supervisors

SOURCE = [{"path": "main.py", "text": "print('new')"}]


def test_only_files_persist_between_executions_of_a_session(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    leave = """if True:
        import ctypes, os, sys
        os.makedirs("d/.e")
        open("d/.e/f", "w").write("1")
        os.chmod("d/.e/f", 0o640)
        os.link("d/.e/f", "a")
        os.symlink("a", "b")
        open(".tmp/t", "w").write("2")
        open("/dev/shm/x", "w").write("3")
        ctypes.CDLL(None).msgget(0, 0o600)
        if os.fork() == 0:
            os.setsid()
            open(0).read()
            os.execvp("sleep", ["sleep", "1000"])
    """
    look = """if True:
        import os
        print(*(open(name).read() for name in ("d/.e/f", "a", "b", ".tmp/t")), os.readlink("b"))
        print(oct(os.stat("a").st_mode), os.listdir("/dev/shm"))
        print(len(open("/proc/sysvipc/msg").readlines()))
        print(sorted(int(n) for n in os.listdir("/proc") if n.isdecimal()) == [1, os.getpid()])
    """
    assert reused.python(leave, "keepFiles").stderr == ""
    assert reused.python(look, "keepFiles").stdout == "1 1 1 2 a\n0o100640 []\n1\nTrue\n"
    assert reused.bash("cat a", "reset").stdout == "1"
    assert reused.bash("ls -A").stdout == ".tmp\nmain.py\n"


@pytest.mark.parametrize(
    "code",
    [
        "rm main.py",
        "ln -sf /etc/passwd main.py",
        "ln -sf /no/such/file main.py",
        "ln -sfn / main.py",
        "rm main.py; mkfifo main.py",
        "chmod 0 main.py",
        "rm main.py; mkdir main.py",
        "rm main.py; mkdir -p main.py/a/b; touch main.py/a/b/c; chmod 0 main.py/a main.py",
        "rm main.py; mkdir -p main.py/$(printf 'x/%.0s' {1..900}); touch main.py/{1..5000}",
        "rm -r .tmp",
        "rm -r .tmp; touch .tmp",
        "rm -r .tmp; ln -s / .tmp",
        "rm -r .tmp; ln -s /dev/shm .tmp",
        "rm -r .tmp; mkfifo .tmp",
        "chmod 0 .tmp",
        "rm -r pack; ln -s /dev/shm pack",
        "rm -r pack; touch pack",
        "chmod 555 pack",
        "chmod 0 pack/age pack",
        "rm -r pack/age; ln -s .. pack/age",
        "rm pack/age/data; mkdir -p pack/age/data/more; chmod 0 pack/age/data",
        "chmod 0 .",
        "chmod 555 .",
    ],
)
def test_the_next_program_runs_after_any_change_of_the_workspace(
    supervisors: Supervisors, code: str
) -> None:
    reused = supervisors.reused(options=f"mode=755,uid={UID},gid={UID}")
    files = [*SOURCE, {"path": "pack/age/data", "text": "data"}]
    first = reused.bash(code, "keepFiles", files=files)
    assert (first.stderr, first.exit["exit_code"]) == ("", 0)
    program = [PYTHON, "main.py"]
    assert reused.run(program, "keepFiles", files=files).stdout == "new\n"
    look = "cat pack/age/data; touch .tmp/t; readlink main.py .tmp pack pack/age; ls /dev/shm"
    result = reused.bash(look, "keepFiles", files=files)
    assert (result.stdout, result.stderr) == ("data", "")


def test_files_that_the_frame_does_not_name_are_not_changed(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    reused.bash("mkdir a b; touch b/c; chmod 0 a; chmod 500 b; ln -s /none link", "keepFiles")
    look = "stat -c '%a %n' a b b/c; readlink link"
    assert reused.bash(look, "keepFiles").stdout == "0 a\n500 b\n644 b/c\n/none\n"


def test_a_full_workspace_accepts_a_source_of_the_same_size(supervisors: Supervisors) -> None:
    reused = supervisors.reused(options="mode=777,size=1m")
    fill = "head -c 2m /dev/zero > big; cat big > more; true"
    assert "No space left" in reused.bash(fill, "keepFiles", files=SOURCE).stderr
    assert reused.bash("echo x > y || rm big", "keepFiles", files=SOURCE).exit["exit_code"] == 0
    assert reused.bash("ls", "keepFiles", files=SOURCE).stdout == "main.py\nmore\ny\n"


def test_a_source_that_does_not_fit_ends_the_session(supervisors: Supervisors) -> None:
    reused = supervisors.reused(options="mode=777,size=1m")
    reused.bash("head -c 2m /dev/zero > big; true", "keepFiles")
    files = [{"path": "main.py", "text": "x" * 10_000}]
    result = reused.send(["true"], "keepFiles", files=files)
    assert result.error == "files: main.py: the working directory is full"
    assert reused.end().code == 2
