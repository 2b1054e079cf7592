"""When waiting processes start and end, besides the program that they become."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from support.fixtures.supervisor import (
    HELLO,
    NAMESPACE,
    NETWORK,
    UNPRIVILEGED,
    Supervisors,
    encoded,
    wait_until,
)
from unit.supervisor.prestart.waiting import (
    IS_UP,
    LISTED,
    children,
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
from unit.supervisor.test_file_actions import frame as action


def test_ready_reports_that_the_supervisor_knows_the_frame(supervisors: Supervisors) -> None:
    peer = supervisors.start()
    peer.send(HELLO + encoded(program("pass", afterwards="exit")))
    assert peer.finish().events[0]["prestart"] is True


def test_each_reset_brings_a_new_process(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    seen = {*wait_in(reused, process())}
    for _ in range(3):
        result = reused.complete(typical())
        assert (result.stdout, started(result)) == (LISTED, {"run": True})
        seen |= {*wait_for_children(reused.pid)}
    assert len(seen) == 4


def test_no_process_waits_where_files_of_a_program_are(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    wait_in(reused, process())
    first = reused.complete(typical(afterwards="keepFiles"))
    assert (first.stdout, started(first)) == (LISTED, {"run": True})
    for _ in range(2):
        assert started(reused.complete(typical(afterwards="keepFiles"))) == {"run": False}
        assert children(reused.pid) == []
    reused.peer.send(prestart(process()))
    assert started(reused.complete(typical(afterwards="keepFiles"))) == {"run": False}


def test_an_action_on_files_finds_nothing_of_the_process(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    placeholder = {"path": "main.py", "text": "", "in_place": True}
    wait_in(reused, process("open('left', 'w')\n" + IS_UP, placeholder=placeholder))
    wait_until_up(reused.place)
    assert reused.complete(action("ListFiles", output_files=["**"])).exit["listed"] == []
    assert children(reused.pid) == []
    assert started(reused.complete(typical(afterwards="keepFiles"))) == {"run": False}


def test_another_prestart_frame_replaces_the_processes(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    (first,) = wait_in(reused, process("name = 1"))
    reused.peer.send(prestart(process("name = 2")))
    wait_until(lambda: children(reused.pid) not in ([first], []))
    assert reused.complete(program("print(name)")).stdout == "2\n"
    reused.peer.send(prestart())
    wait_until(lambda: children(reused.pid) == [])
    assert started(reused.complete(typical())) == {"run": False}


def test_a_process_for_some_programs_is_not_started_in_a_busy_pod(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    some = process(when={"suffixes": [".py"], "lines": ["import *json*"]})
    wait_in(reused, process(), some)
    frame = typical()
    reused.peer.send(encoded(frame) * 3)
    for _ in range(3):
        assert reused.completed().stdout == LISTED
    wait_for_children(reused.pid, 2)


@pytest.mark.parametrize("number", [1, 2])
def test_sigterm_ends_waiting_processes(supervisors: Supervisors, number: int) -> None:
    peer = supervisors.start(*NAMESPACE, *UNPRIVILEGED)
    peer.send(HELLO)
    peer.read_until(b"ready")
    peer.send(prestart(*[process("import signal; signal.signal(15, 1)")] * number))
    pid = peer.supervisor_pid()
    waiting = wait_for_children(pid, number)
    os.kill(pid, signal.SIGTERM)
    result = peer.finish()
    assert (result.code, [event["event"] for event in result.events]) == (143, ["ready"])
    assert not any(Path(f"/proc/{one}").exists() for one in waiting)


def test_the_end_of_the_input_ends_waiting_processes(supervisors: Supervisors) -> None:
    reused = supervisors.reused()
    wait_in(reused, process())
    result = reused.end()
    assert (result.error, result.code) == ("the input ended", 0)


def test_the_end_of_the_input_ends_a_process_without_a_namespace(supervisors: Supervisors) -> None:
    peer = supervisors.start()
    peer.send(HELLO)
    peer.read_until(b"ready")
    peer.send(prestart(process()))
    (pid,) = wait_for_children(peer.process.pid)
    assert peer.finish().error == "the input ended"
    wait_until(lambda: not Path(f"/proc/{pid}").exists())


def test_a_waiting_process_that_uses_localhost_becomes_the_program(
    supervisors: Supervisors,
) -> None:
    code = """
import socket
server = socket.create_server(("127.0.0.1", 0))
early = socket.socket()
"""
    reused = supervisors.reused(*NETWORK)
    wait_in(reused, process(code + IS_UP))
    wait_until_up(reused.place)
    rest = (
        "early.connect(server.getsockname()); early.send(b'x')\nprint(server.accept()[0].recv(1))"
    )
    result = reused.complete(program(rest))
    assert (result.stdout, result.stderr, started(result)) == ("b'x'\n", "", {"run": True})


def test_a_process_that_meets_the_memory_limit_leaves_a_usable_pod(
    supervisors: Supervisors,
) -> None:
    # The test acts as the kernel: it kills the process and counts that in the cgroup.
    counts = supervisors.workspace.with_name("cgroup")
    counts.mkdir()
    events = counts / "memory.events"
    events.write_text("oom_kill 7\n", encoding="utf-8")
    mount = f'mount --bind {counts} /sys/fs/cgroup && exec "$@"'
    reused = supervisors.reused("sh", "-c", mount, "sh")
    (pid,) = wait_in(reused, process(IS_UP))
    wait_until_up(reused.place)
    os.kill(pid, signal.SIGKILL)
    wait_until_dead(pid)
    events.write_text("oom_kill 8\n", encoding="utf-8")
    result = reused.complete(program("sys.exit(1)"))
    assert (result.exit["out_of_memory"], started(result)) == (False, {"run": False})
