"""A program that no waiting process fits is started as usual, and finds nothing of the process."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from support.fixtures.supervisor import Supervisors, encoded
from unit.supervisor.prestart.waiting import (
    COMMAND,
    IS_UP,
    LISTED,
    RLIMITS,
    prestart,
    process,
    program,
    started,
    typical,
    wait_for_children,
    wait_in,
    wait_until_dead,
    wait_until_up,
)

MANY = "open('left', 'w'); open('.tmp/left', 'w'); open('/dev/shm/left', 'w')\n"
MANY += "if not os.fork(): os.execvp('sleep', ['sleep', '1000'])\n" + IS_UP
LINES = {"suffixes": [".rb", ".py"], "lines": ["#!*ruby* -*"]}
SHEBANG = f"#!/usr/bin/env ruby -w\n{typical()['files'][0]['text']}"
ENTRY: dict[str, Any] = {
    "environment": {"WAIT": MANY, "HOOK": "1"},
    "denied_environment": ["PYTHON*", "ONLY"],
    "denied_paths": [".local/lib/python*", "d"],
    "modules": ["random"],
    "unless": LINES,
}
A = {"A": "b=c"}
CASES: dict[str, dict[str, Any]] = {
    "a variable of the interpreter": {"environment": {**A, "HAS": "1", "PYTHONPATH": "/"}},
    "a variable of the interpreter, by name": {"environment": {**A, "HAS": "1", "ONLY": ""}},
    "a variable of the C library": {"environment": {**A, "HAS": "1", "LC_ALL": "C"}},
    "a variable of the process": {"environment": {**A, "HAS": "1", "HOOK": "2"}},
    "another value of a variable that it has": {"environment": {**A, "HAS": "2"}},
    "a variable less": {"environment": A},
    "another limit": {"limits": {"rlimits": RLIMITS | {"stack": 16 << 20}}},
    "one pipe for both streams": {"merge_output": True},
    "a denied file": {"files": [{"path": "d", "text": ""}]},
    "a file below a denied directory": {"files": [{"path": "d/e/f", "text": ""}]},
    "a file in the user's packages": {"files": [{"path": ".local/lib/python3.13/x", "text": ""}]},
    "a file that hides a module": {"files": [{"path": "random.py", "text": ""}]},
    "a directory that hides a module": {"files": [{"path": "random/x", "text": ""}]},
    "a line": {"code": SHEBANG},
    "another command": {"run": {"command": [COMMAND[0], "-B", *COMMAND[1:], "x", "y z"]}},
}
FITTING: dict[str, dict[str, Any]] = {
    "a variable with a similar name": {"environment": {**A, "HAS": "1", "ONLYONE": "1"}},
    "the time zone": {"environment": {**A, "HAS": "1", "TZ": "Europe/Berlin"}},
    "a file with a similar name": {"files": [{"path": "dd", "text": ""}]},
    "a module in a folder": {"files": [{"path": "x/random.py", "text": ""}]},
    "the line in another file": {"files": [{"path": "x.txt", "text": SHEBANG}]},
}


def _frame(changes: dict[str, Any]) -> dict[str, Any]:
    code = changes.pop("code", None)
    frame = typical(**{"environment": {**A, "HAS": "1"}} | changes)
    if code is not None:
        frame["files"][0]["text"] = code
    # The files of the case are removed, so that each program prints the same.
    names = [file["path"].partition("/")[0] for file in frame["files"][1:]]
    frame["files"][0]["text"] = (
        "import shutil\n"
        f"for name in {names}: (shutil.rmtree if os.path.isdir(name) else os.unlink)(name)\n"
        + frame["files"][0]["text"]
    )
    return frame


@pytest.mark.parametrize("changes", CASES.values(), ids=CASES)
def test_a_program_with_this_difference_is_started_as_usual(
    supervisors: Supervisors, changes: dict[str, Any]
) -> None:
    reused = supervisors.reused()
    (pid,) = wait_in(reused, process(**ENTRY), HAS="1")
    wait_until_up(reused.place)
    result = reused.complete(_frame(dict(changes)))
    assert (result.stdout, started(result)) == (LISTED, {"run": False})
    assert pid not in wait_for_children(reused.pid)


@pytest.mark.parametrize("changes", FITTING.values(), ids=FITTING)
def test_a_program_with_this_difference_gets_the_process(
    supervisors: Supervisors, changes: dict[str, Any]
) -> None:
    reused = supervisors.reused()
    wait_in(reused, process(**ENTRY | {"environment": {"WAIT": ""}}), HAS="1")
    result = reused.complete(_frame(dict(changes)))
    assert (result.stdout, started(result)) == (LISTED, {"run": True})


def test_a_process_for_some_programs_is_not_used_for_others(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    wait_in(reused, process(when={"suffixes": [".py"], "lines": ["import *numpy*"]}))
    assert started(reused.complete(typical())) == {"run": False}


@pytest.mark.parametrize("code", ["print('x', flush=True)", "os.write(2, b'x')", "os.close(1)"])
def test_a_process_that_has_written_or_closed_its_output_is_not_used(
    supervisors: Supervisors, code: str
) -> None:
    reused = supervisors.reused()
    wait_in(reused, process(f"{code}\n{IS_UP}"))
    wait_until_up(reused.place)
    result = reused.complete(typical())
    assert (result.stdout, result.stderr, started(result)) == (LISTED, "", {"run": False})


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_process_that_was_killed_is_not_used(supervisors: Supervisors, number: int) -> None:
    reused = supervisors.reused()
    (pid,) = wait_in(reused, process(MANY))
    wait_until_up(reused.place)
    os.kill(pid, number)
    wait_until_dead(pid)
    result = reused.complete(typical())
    assert (result.stdout, started(result)) == (LISTED, {"run": False})
    assert result.exit["out_of_memory"] is False
    # The next program gets a new process.
    assert wait_for_children(reused.pid) != [pid]
    assert started(reused.complete(typical())) == {"run": True}


@pytest.mark.parametrize("command", [["/no/such/interpreter"], ["true"], ["false"]])
def test_a_process_that_cannot_wait_is_not_used(
    supervisors: Supervisors, command: list[str]
) -> None:
    reused = supervisors.reused()
    (pid,) = wait_in(reused, process(command=command))
    wait_until_dead(pid)
    result = reused.run([*command, "x"])
    assert started(result) == {"run": False}
    assert reused.complete(typical()).stdout == LISTED


def test_a_process_that_dies_before_its_stage_is_replaced_by_a_start(
    supervisors: Supervisors,
) -> None:
    code = """if sys.argv[1:] == ["compile"]:
    for name in filter(str.isdecimal, os.listdir("/proc")):
        if name not in ("1", str(os.getpid())):
            os.kill(int(name), 9)
            while os.path.exists(f"/proc/{name}"):
                pass
else:
    print("ran")
"""
    reused = supervisors.reused()
    wait_in(reused, process())
    compiler = {"command": [*COMMAND, "compile"], "timeout_seconds": 5.0}
    result = reused.complete(program(code, compile=compiler))
    assert (result.stdout, started(result)) == ("ran\n", {"compile": False, "run": False})


def test_a_fork_bomb_of_a_compiler_ends_with_it(supervisors: Supervisors) -> None:
    code = """if sys.argv[1:] == ["compile"]:
    if not os.fork():
        while True:
            try:
                os.fork()
            except OSError:
                pass
    import time
    time.sleep(0.2)
else:
    print(os.listdir("/dev/shm"))
"""
    reused = supervisors.reused()
    wait_in(reused, process())
    # The bomb leaves the compiler little processor time.
    compiler = {"command": [*COMMAND, "compile"], "timeout_seconds": 60.0}
    result = reused.complete(program(code, compile=compiler, timeout_seconds=60.0))
    assert result.stdout == "[]\n"


def test_what_a_later_version_asks_for_is_left_out(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    wrong = [process(later=1), process(stage="check"), {"stage": "run"}, "x"]
    reused.peer.send(prestart(*wrong, process()))  # type: ignore[arg-type]
    wait_for_children(reused.pid)
    assert started(reused.complete(typical())) == {"run": True}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "frame: prestart: must be an object"),
        ({"environment": {}, "rlimits": {}}, "frame: prestart.processes: is missing"),
        ({"environment": {}, "rlimits": {}, "processes": []}, "frame: prestart.rlimits.nproc: is"),
        ({"environment": {"A": 1}, "rlimits": RLIMITS, "processes": []}, "frame: prestart.env"),
        ({"environment": {}, "rlimits": RLIMITS, "processes": 1}, "frame: prestart.processes: mu"),
    ],
)
def test_an_invalid_prestart_frame_ends_the_supervisor(
    supervisors: Supervisors, content: object, message: str
) -> None:
    reused = supervisors.reused()
    reused.peer.send(encoded({"protocol": 1, "prestart": content}))
    result = reused.end()
    assert (result.error.startswith(message), result.code) == (True, 2), result.error
