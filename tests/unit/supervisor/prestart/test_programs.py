"""A waiting process becomes the program, which cannot tell the difference."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.fixtures.supervisor import HELLO, Supervisors, encoded
from unit.supervisor.prestart.waiting import (
    ALONE,
    COMMAND,
    IS_UP,
    LISTED,
    prestart,
    process,
    program,
    started,
    typical,
    wait_for_children,
    wait_in,
    wait_until_up,
)

STATE = """if True:
    import resource, signal
    print(os.getcwd(), oct(os.umask(0)), os.getuid(), os.getsid(0) == os.getpid(), os.getppid())
    print(sorted(os.listdir("/proc/self/fd")), sorted(os.environ.items()), sys.argv)
    print([resource.getrlimit(n) for n in range(16)], os.nice(0), sorted(os.sched_getaffinity(0)))
    print(signal.pthread_sigmask(0, []), [signal.getsignal(n) for n in range(1, 32)])
    print(open("/proc/self/oom_score_adj").read(), os.read(0, 9), os.stat("main.py").st_mode)
    lines = open("/proc/self/status").read().splitlines()
    print([line for line in lines if line.startswith(("NoNewPrivs", "Seccomp", "Cap", "Sig"))])
    try:
        import socket
        socket.socket(socket.AF_NETLINK)
    except OSError as error:
        print(error)
"""
BUSY = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\n"
BUSY_CHILD = f"if not os.fork():\n    exec({BUSY!r})\n    os._exit(0)\nos.wait()\n"


def test_a_waiting_process_becomes_the_program(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    (pid,) = wait_in(reused, process())
    result = reused.complete(typical(output_files=["*"]))
    assert (result.stdout, result.stderr) == (LISTED, "")
    assert (started(result), result.exit["exit_code"]) == ({"run": True}, 0)
    assert [file["path"] for file in result.exit["files"]] == ["main.py"]
    assert not Path(f"/proc/{pid}").exists()


def test_a_program_has_the_state_of_one_that_was_started_for_it(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    frame = program(STATE, "x", environment={"A": "1", "B": ""}, stdin="in")
    plain = reused.complete(frame)
    wait_in(reused, process(), B="")
    waited = reused.complete(frame)
    assert (started(plain), started(waited)) == ({"run": False}, {"run": True})
    assert (waited.stdout, waited.stderr) == (plain.stdout, plain.stderr)
    assert "Permission denied" in plain.stdout


def test_a_frame_that_comes_before_the_process_is_up_is_passed_to_it(
    supervisors: Supervisors,
) -> None:
    reused = supervisors.reused()
    wait_in(reused, process("import time; time.sleep(0.3)"))
    arguments = ["a" * 100_000, "b" * 100_000]
    code = "print(len(sys.argv[2]), len(sys.stdin.read()))"
    result = reused.complete(program(code, *arguments, stdin="x" * 100_000))
    assert (result.stdout, started(result)) == ("100000 100000\n", {"run": True})


def test_a_frame_that_can_be_read_already_starts_its_program(supervisors: Supervisors) -> None:
    peer = supervisors.start()
    frame = program("print(sys.argv[1:])", "x", afterwards="exit")
    peer.send(HELLO + prestart(process()) + encoded(frame))
    result = peer.finish()
    assert (result.stdout, started(result)) == ("['x']\n", {"run": False})


@pytest.mark.parametrize("code", [BUSY, BUSY_CHILD], ids=["own", "of a child"])
def test_the_time_before_the_frame_is_not_counted(supervisors: Supervisors, code: str) -> None:
    reused = supervisors.reused()
    wait_in(reused, process(code + IS_UP))
    wait_until_up(reused.place)
    found = reused.complete(program("pass")).exit
    assert found["cpu_seconds"] < 0.2
    wait_for_children(reused.pid)
    wait_until_up(reused.place)
    assert reused.complete(program(BUSY)).exit["cpu_seconds"] >= 0.25


def test_a_process_that_has_waited_for_two_hours_is_used(supervisors: Supervisors) -> None:
    later = supervisors.workspace.with_name("later")
    launcher = supervisors._launcher
    clock = f"""
import os, time
real = time.monotonic
time.monotonic = lambda: real() + 7200 * os.path.exists({str(later)!r})
"""
    launcher.write_text(clock + launcher.read_text(encoding="utf-8"), encoding="utf-8")
    reused = supervisors.reused()
    wait_in(reused, process(IS_UP))
    wait_until_up(reused.place)
    later.touch()
    result = reused.complete(program("print(sys.argv[1:])", "x", timeout_seconds=10.0))
    assert (result.stdout, started(result)) == ("['x']\n", {"run": True})
    assert result.exit["execution_seconds"] < 10


def test_signals_exit_codes_and_deadlines_are_those_of_the_program(
    supervisors: Supervisors,
) -> None:
    reused = supervisors.reused()
    wait_in(reused, process())
    killed = reused.complete(program("os.kill(os.getpid(), 11)"))
    assert (killed.exit["signal"], started(killed)) == (11, {"run": True})
    wait_for_children(reused.pid)
    failed = reused.complete(program("sys.exit('no')", syntax_check={"command": ["false"]}))
    assert (failed.exit["exit_code"], failed.stderr) == (1, "no\n")
    assert started(failed) == {"run": True, "check": False}
    wait_for_children(reused.pid)
    late = reused.complete(program("import time; time.sleep(60)", timeout_seconds=0.5))
    assert (late.exit["timed_out"], started(late)) == (True, {"run": True})


def test_a_compiler_can_wait_together_with_the_program(supervisors: Supervisors) -> None:
    code = f"""if sys.argv[1:] == ["compile"]:
    if not os.fork():
        os.execvp("sleep", ["sleep", "1000"])
    open("made", "w").write("yes")
    print("dropped")
else:
    print(open("made").read(), {ALONE})
"""
    reused = supervisors.reused()
    wait_in(reused, process(), process(stage="compile"))
    compiler = {"command": [*COMMAND, "compile"], "timeout_seconds": 5.0}
    result = reused.complete(program(code, compile=compiler))
    assert (result.stdout, result.stderr) == ("yes True\n", "")
    assert started(result) == {"compile": True, "run": True}


def test_a_failed_compiler_ends_the_process_that_waits_for_the_program(
    supervisors: Supervisors,
) -> None:
    reused = supervisors.reused()
    (pid,) = wait_in(reused, process())
    compiler = {"command": ["sh", "-c", "echo 'error: no'; exit 1"], "timeout_seconds": 5.0}
    result = reused.complete(typical(compile=compiler))
    assert result.exit["syntax_error"] == "error: no"
    assert started(result) == {"compile": False}
    assert wait_for_children(reused.pid) != [pid]


@pytest.mark.parametrize("in_place", [True, False])
def test_the_source_takes_the_place_of_a_placeholder(
    supervisors: Supervisors, *, in_place: bool
) -> None:
    reused = supervisors.reused()
    code = "early = open('main.py'); inode = os.fstat(early.fileno()).st_ino; first = early.read()"
    placeholder = {"path": "main.py", "text": "# nothing", "in_place": in_place}
    wait_in(reused, process(f"{code}\n{IS_UP}", placeholder=placeholder))
    wait_until_up(reused.place)
    result = reused.complete(program("print(first, os.stat('main.py').st_ino == inode)"))
    assert (result.stdout, started(result)) == (f"# nothing {in_place}\n", {"run": True})


def test_the_first_process_that_fits_is_used_and_the_others_end(supervisors: Supervisors) -> None:
    loaded = process("name = 'loaded'", when={"suffixes": [".py"], "lines": ["import *json*"]})
    reused = supervisors.reused()
    wait_in(reused, loaded, process("name = 'bare'"))
    result = reused.complete(program(f"import os, json\nprint(name, {ALONE})"))
    assert (result.stdout, started(result)) == ("loaded True\n", {"run": True})
    wait_for_children(reused.pid, 2)
    result = reused.complete(program(f"print(name, {ALONE})"))
    assert (result.stdout, started(result)) == ("bare True\n", {"run": True})


def test_a_program_cannot_reach_the_process_of_the_next_one(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    (first,) = wait_in(reused, process())
    code = """if not os.fork():
    os.setsid()
    while True:
        for pid in range(os.getpid() + 1, os.getpid() + 20):
            try:
                os.kill(pid, 9)
            except OSError:
                pass
open("/dev/shm/x", "w")
open("later.py", "w")
"""
    assert started(reused.complete(program(code))) == {"run": True}
    assert wait_for_children(reused.pid) != [first]
    result = reused.complete(typical())
    assert (result.stdout, started(result)) == (LISTED, {"run": True})
