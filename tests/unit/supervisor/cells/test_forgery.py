"""Messages that a cell forges: they change nothing but the report about the same session."""

from __future__ import annotations

import pytest
from support.fixtures.cells import CellSession

FIND = """if True:
    import os, json, stat
    fds = [int(n) for n in os.listdir("/proc/self/fd")]
    pipes = []
    for fd in fds:
        try:
            if fd > 2 and stat.S_ISFIFO(os.fstat(fd).st_mode): pipes.append(fd)
        except OSError: pass
    requests, messages = sorted(pipes)
    def send(data):
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        os.write(messages, len(data).to_bytes(4, "big") + data)
"""
TOKEN = (
    "token = next(o for o in __import__('gc').get_objects() if type(o).__name__ == 'Results').token"
)
"""The cell finds the token of its messages, which is in its own process."""


@pytest.mark.parametrize(
    "forged",
    [
        r"os.write(messages, b'\xff\xff\xff\xff')",
        r"os.write(messages, b'\0\0\0\5hello')",
        r"send(b'[' * 100000)",
        r"send([1])",
        r"send({'token': token, 'result': {'kind': 'x', 'data': {}}})",
        r"send({'token': token, 'result': {'kind': 'result', 'data': {'text/plain': 1}}})",
        r"send({'token': token, 'result': {'kind': 'result', 'data': {'no type': ''}}})",
        (
            "r = {'kind': 'result', 'data': {'text/plain': 'x' * 500000}}\n"
            "for _ in range(40): send({'token': token, 'result': r})"
        ),
    ],
)
def test_messages_that_make_no_sense_end_the_interpreter(session: CellSession, forged: str) -> None:
    session.run(FIND)
    ran = session.run(f"{TOKEN}\n{forged}\nimport time; time.sleep(20)")
    assert (ran.state_lost, ran.error) == (True, None)
    assert (ran.exit["exit_code"], ran.exit["timed_out"]) != (0, False)
    assert session.run("1").plain == ["1"]


def test_a_forged_end_is_not_that_of_the_next_cell(session: CellSession) -> None:
    session.run(FIND)
    end = "{'token': token, 'end': {'exit': 0}}"
    first = session.run(f"{TOKEN}\nx = 1\nsend({end}); send({end}); send(b'{{}}')")
    assert (first.exit["exit_code"], first.state_lost) == (0, False)
    assert session.run("x").plain == ["1"]


def test_a_forged_end_has_no_say_in_what_the_supervisor_measures(session: CellSession) -> None:
    session.run(FIND)
    end = (
        "{'token': token, 'end': {'exit': 7000, 'signal': 9, 'timed_out': True, 'stdout_bytes': 0,"
        " 'error': {'name': 'x' * 100000, 'value': 7, 'traceback': 't' * 500000}}}"
    )
    ran = session.run(f"{TOKEN}\nprint('abc')\nsend({end})")
    assert (ran.exit["exit_code"], ran.exit["timed_out"], ran.exit["signal"]) == (1, False, None)
    assert (ran.exit["stdout_bytes"], ran.exit["execution_seconds"] > 0) == (4, True)
    assert ran.error is not None
    assert [len(text) for text in ran.error.values()] == [256, 0, 32_800]


def test_a_missing_reply_is_a_timeout(session: CellSession) -> None:
    session.run(FIND)
    ran = session.run("os.dup2(os.open('/dev/null', os.O_WRONLY), messages)", timeout_seconds=0.5)
    assert (ran.exit["timed_out"], ran.state_lost) == (True, True)
    ran = session.run(f"{FIND}\nos.close(messages)", timeout_seconds=0.5)
    assert (ran.exit["exit_code"], ran.state_lost) == (1, True)
    stolen = session.run(
        "import threading, time\n"
        f"{FIND}\nthreading.Thread(target=os.read, args=(requests, 1000), daemon=True).start()"
    )
    assert stolen.exit["exit_code"] == 0
    lost = session.run("1", timeout_seconds=0.5)
    assert lost.state_lost or lost.plain == ["1"]
    assert session.run("2").plain in (["2"], [])


def test_a_flood_of_output_does_not_keep_a_cell_from_ending(session: CellSession) -> None:
    flood = """if True:
        import threading
        def flood():
            while True: print("x" * 1000)
        for _ in range(3): threading.Thread(target=flood, daemon=True).start()"""
    assert session.run(flood).exit["exit_code"] == 0
    ran = session.run("7", limits={"stdout_bytes": 1000, "stderr_bytes": 1000, "files_bytes": 0})
    assert (ran.plain, len(ran.stdout), ran.exit["stdout_truncated"]) == (["7"], 1000, True)
