"""Cells that run too long, and interpreters that end: what is kept, and what is reported."""

from __future__ import annotations

import signal

import pytest
from support.fixtures.cells import CellSession, Ran

SHORT = 0.5


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import time; time.sleep(60)",
        "import asyncio; await asyncio.sleep(60)",
        "import subprocess; subprocess.run(['sleep', '60'])",
        "import os; os.system('sleep 60')",
        "input_ = open(0).read(); import threading; threading.Event().wait()",
    ],
)
def test_a_timeout_interrupts_the_cell_and_keeps_the_state(session: CellSession, code: str) -> None:
    session.run("x = 1")
    ran = session.run(f"print('begun', flush=True)\n{code}\n", timeout_seconds=SHORT)
    assert (ran.exit["timed_out"], ran.exit["exit_code"], ran.exit["signal"]) == (True, 137, 9)
    assert (ran.state_lost, ran.stdout) == (False, "begun\n")
    if ran.error is not None:  # os.system returns, because its command was interrupted
        assert ran.error["name"] == "KeyboardInterrupt"
        assert "cloche" not in ran.error["traceback"]
    assert session.run("x").plain == ["1"]


@pytest.mark.parametrize(
    "code",
    [
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        "import time\nwhile 1:\n  try:\n    time.sleep(60)\n  except BaseException: pass",
        "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [2]); import time; time.sleep(60)",
    ],
)
def test_a_cell_that_ignores_the_interrupt_loses_the_state(session: CellSession, code: str) -> None:
    session.run("x = 1")
    ran = session.run(code, timeout_seconds=SHORT)
    assert (ran.exit["timed_out"], ran.state_lost) == (True, True)
    after = session.run("'x' in globals()")
    assert (after.plain, after.state_lost) == (["False"], False)


@pytest.mark.parametrize(
    ("code", "exit_code", "number"),
    [
        ("import os; os._exit(7)", 7, None),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", 139, signal.SIGSEGV),
        ("import os; os.execvp('sh', ['sh', '-c', 'echo sh; exit 3'])", 3, None),
    ],
)
def test_an_interpreter_that_ends_has_lost_the_state(
    session: CellSession, code: str, exit_code: int, number: int | None
) -> None:
    ran = session.run(f"print('out', flush=True)\n{code}")
    assert (ran.exit["exit_code"], ran.exit["signal"]) == (exit_code, number)
    assert (ran.state_lost, ran.exit["timed_out"], ran.error) == (True, False, None)
    assert ran.stdout.startswith("out\n")
    assert not session.run("1").state_lost


def test_the_end_of_an_interpreter_between_two_cells_is_reported_with_the_next(
    session: CellSession,
) -> None:
    session.run("""if True:
        import os, threading
        x = 1
        read, write = os.pipe()
        def end():
            os.read(read, 1)
            os._exit(0)
        threading.Thread(target=end).start()
        if os.fork() == 0:  # writes when the cell, which waits for nothing, has ended
            import time
            time.sleep(0.2)
            os.write(write, b"x")
            os._exit(0)""")
    states: list[Ran] = []
    while not states or not states[-1].state_lost:
        states.append(session.run("'x' in globals()", timeout_seconds=10))
    assert session.run("'x' in globals()").plain == ["False"]


def test_processes_of_a_cell_go_on_between_the_cells(session: CellSession) -> None:
    session.run("from subprocess import PIPE, Popen\ncat = Popen(['cat'], stdin=PIPE, stdout=PIPE)")
    session.act("ListFiles", output_files=["**"])
    ran = session.run("cat.communicate(b'still there')[0]")
    assert ran.plain == ["b'still there'"]
    session.run("cat = Popen(['sleep', '1000'])")
    assert session.run("cat.poll()\ncat.poll() is None").plain == ["True"]


def test_a_restart_kills_all_processes_and_forgets_all_names(session: CellSession) -> None:
    session.run("""if True:
        import os, subprocess
        x = 1
        subprocess.Popen(["sleep", "1000"], start_new_session=True)
        open("/dev/shm/a", "w").close()
        open("kept", "w").close()""")
    end = session.act("Restart")
    assert (end["exit_code"], end["problem"]) == (0, None)
    look = "import os; 'x' in globals(), os.path.exists('kept'), os.listdir('/dev/shm'), "
    look += "sum(n.isdecimal() for n in os.listdir('/proc'))"
    ran = session.run(look)
    assert (ran.plain, ran.state_lost) == (["(False, True, [], 2)"], False)


def test_an_interpreter_that_is_started_early_takes_the_first_cell(session: CellSession) -> None:
    session.start()
    session.start()
    ran = session.run("import os; os.getppid(), len(os.listdir('/proc/self/fd'))")
    assert ran.plain == ["(1, 6)"]
    assert ran.exit["cpu_seconds"] < 20


def test_a_program_ends_the_interpreter(session: CellSession) -> None:
    session.run("x = 1")
    assert session.reused.bash("echo $$", "keepFiles").stdout != ""
    assert session.run("'x' in globals()").plain == ["False"]


def test_the_figures_of_a_cell_are_its_own(session: CellSession) -> None:
    busy = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    first = session.run(busy).exit
    assert 0.29 < first["cpu_seconds"] < 20
    child = session.run(
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', '''{busy}'''])"
    )
    assert 0.25 < child.exit["cpu_seconds"] < 20
    large = session.run("b = bytearray(200_000_000); del b").exit
    assert large["max_memory_bytes"] > 200_000_000
    after = session.run("1").exit
    assert after["max_memory_bytes"] < 150_000_000
    assert after["cpu_seconds"] < 0.25


def test_files_come_and_go_with_a_cell(session: CellSession) -> None:
    files = [{"path": "in/a", "text": "7"}]
    ran = session.run(
        "open('out', 'w').write(open('in/a').read())", files=files, output_files=["out"]
    )
    assert [file["path"] for file in ran.exit["files"]] == ["out"]
    assert session.run("open('in/a').read()").plain == ["'7'"]


def test_memory_errors_are_recognised(session: CellSession) -> None:
    ran = session.run("raise MemoryError")
    assert ran.exit["out_of_memory"]
    assert not session.run("1").exit["out_of_memory"]
