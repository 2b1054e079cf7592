"""The command line with real Pods: running programs."""

from __future__ import annotations

import json
import signal
import time
import uuid
from pathlib import Path

import httpx
import pytest
from support.deadline import until
from support.fixtures.client.installed_client import InstalledClient

STATS = """\
import csv, sys
total = rows = 0
for row in csv.DictReader(sys.stdin):
    total, rows = total + int(row["n"]), rows + 1
    if rows % 2000 == 0:
        print(rows, total, flush=True)
print("end", rows, total)
"""
PROGRAMS = {
    "a.py": "print('hello')",
    "a.js": "console.log('hello')",
    "a.sh": "echo hello",
    "a.rb": "puts 'hello'",
    "a.php": '<?php echo "hello\\n";',
    "a.c": '#include <stdio.h>\nint main(void) { puts("hello"); }',
    "script": "#!/usr/bin/env -S python3 -u\nprint('hello')",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_language_is_found_by_suffix_or_first_line(
    name: str, installed_client: InstalledClient
) -> None:
    (installed_client.here / name).write_text(PROGRAMS[name])
    assert installed_client.cloche("run", name) == "hello\n"


def test_arguments_input_files_and_variables_reach_the_program(
    installed_client: InstalledClient,
) -> None:
    here = installed_client.here
    (here / "data").mkdir()
    (here / "data" / "in.txt").write_text("in")
    code = (
        "import os, sys\n"
        "print(sys.argv[1:], sys.stdin.read(), open('data/in.txt').read(), open('b').read())\n"
        "print(os.environ['A'], os.environ['B'])\n"
    )
    printed = installed_client.cloche(
        "run", "-c", code, "--file", "data", "--file", "b=data/in.txt", "-e", "A=1", "-e", "B",
        "--", "--x", "y z",
        stdin=b"stdin", B="2",
    )  # fmt: skip
    assert printed == "['--x', 'y z'] stdin in in\n1 2\n"


def test_the_program_can_come_from_standard_input(installed_client: InstalledClient) -> None:
    assert installed_client.cloche("run", "-", stdin=b"#!/bin/sh\necho $((2 + 2))") == "4\n"


@pytest.mark.parametrize(
    ("code", "language", "options", "exit_code", "note"),
    [
        ("raise SystemExit(7)", "python", [], 7, ""),
        ("kill -9 $$", "bash", [], 137, ""),
        ("print(", "python", [], 1, "cannot be parsed or compiled"),
        ("int main() { return x; }", "c", [], 1, "cannot be parsed or compiled"),
        ("while True: pass", "python", ["-t", "1"], 124, "exceeded its timeout of 1 s"),
        ("x = bytearray(10**9)", "python", ["--memory", "64"], 137, "ran out of memory"),
        ("print('x' * 300_000)", "python", [], 0, "the standard output is incomplete"),
        ("x", "nonsense", [], 125, "Unsupported language: nonsense"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_the_end_of_a_program_decides_the_exit_code(  # noqa: PLR0913, PLR0917
    code: str,
    language: str,
    options: list[str],
    exit_code: int,
    note: str,
    installed_client: InstalledClient,
) -> None:
    done = installed_client.call("cloche", "run", "-c", code, "-l", language, *options)
    assert done.returncode == exit_code, done.stderr
    assert note in done.stderr


def test_output_comes_while_the_program_runs_and_each_stream_to_its_own(
    installed_client: InstalledClient,
) -> None:
    code = (
        "import sys, time\nprint('first', flush=True)\nprint('err', file=sys.stderr)\n"
        "time.sleep(3)\nprint('last')"
    )
    with installed_client.start("cloche", "run", "-c", code) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"first\n"
        came = time.monotonic()
        assert process.poll() is None
        assert process.communicate() == (b"last\n", b"err\n")
        assert time.monotonic() - came > 1
    assert process.returncode == 0


def test_a_large_table_is_read_from_a_pipe_and_the_program_answers_meanwhile(
    installed_client: InstalledClient,
) -> None:
    table = "n\n" + "".join(f"{n}\n" for n in range(40_000))
    (installed_client.here / "stats.py").write_text(STATS)
    printed = installed_client.cloche("run", "stats.py", stdin=table.encode()).splitlines()
    assert len(printed) == 21
    assert printed[-1] == f"end 40000 {sum(range(40_000))}"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_cancels_the_execution(
    number: signal.Signals, code: int, installed_client: InstalledClient, http: httpx.Client
) -> None:
    label = f"cli-{uuid.uuid4().hex}"
    program = "print('x', flush=True)\nwhile True: pass"
    words = ("cloche", "run", "--session", label, "-t", "100", "-c", program)
    with installed_client.start(*words) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"x\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (out, err, process.returncode) == (b"", b"", code)
    listed = http.get("/api/v1/executions", params={"session_id": label}).json()["executions"]
    path = f"/api/v1/executions/{listed[0]['execution_id']}"
    assert http.get(path, params={"wait": 30}).json()["status"] == "cancelled"


def test_a_reader_that_has_enough_ends_the_program(installed_client: InstalledClient) -> None:
    program = "n = 0\nwhile True: n += 1; print(n, flush=True)"
    with installed_client.start("cloche", "run", "-t", "100", "-c", program) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"1\n"
        process.stdout.close()
        assert process.wait(30) == 141
        assert process.stderr.read() == b""


def test_files_of_the_program_are_written_here(installed_client: InstalledClient) -> None:
    here = installed_client.here
    (here / "kept.txt").write_text("old")
    (here / "plot.png").write_bytes(b"old")
    code = (
        "import matplotlib\nmatplotlib.use('Agg')\nimport matplotlib.pyplot as p\np.plot([1, 2])\n"
        "p.savefig('plot.png')\nopen('kept.txt', 'w').write('new')"
    )
    done = installed_client.call(
        "cloche", "run", "-c", code, "--output-file", "plot.png", "--output-file", "*.txt"
    )
    assert (here / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert (here / "kept.txt").read_text() == "old"
    assert "wrote plot.png" in done.stderr
    assert "kept.txt exists already and is kept" in done.stderr
    assert done.returncode == 125


def test_a_stateful_session_keeps_variables_and_prints_values(
    installed_client: InstalledClient,
) -> None:
    name = installed_client.cloche("session", "create", "--stateful").strip()
    assert installed_client.cloche("session", "run", name, "-c", "x = 20; print('out')") == "out\n"
    assert installed_client.cloche("session", "run", name, "-c", "x + 1") == "21\n"
    failed = installed_client.call("cloche", "session", "run", name, "-c", "1 / 0")
    assert (failed.stdout, failed.returncode) == ("", 1)
    assert failed.stderr.splitlines()[-1] == "ZeroDivisionError: division by zero"
    table = installed_client.call(
        "cloche", "session", "run", name, "-c", "import pandas\npandas.DataFrame({'a': [1]})"
    )
    assert table.stdout.split() == ["a", "0", "1"]
    assert "the cell also shows text/html; -o json writes it" in table.stderr
    data = installed_client.cloche("session", "run", name, "-o", "json", "-c", "x")
    assert json.loads(data)["results"] == [{"kind": "result", "data": {"text/plain": "20"}}]
    lost = installed_client.call("cloche", "session", "run", name, "-c", "import os; os._exit(3)")
    assert lost.returncode == 3
    assert "what earlier cells defined is lost" in lost.stderr
    installed_client.cloche("session", "run", name, "-c", "x = 1")
    assert installed_client.cloche("session", "restart", name) == ""
    gone = installed_client.call("cloche", "session", "run", name, "-c", "x")
    assert "NameError" in gone.stderr
    installed_client.cloche("session", "end", name)


def test_the_result_can_be_printed_as_data(installed_client: InstalledClient) -> None:
    done = installed_client.call("cloche", "run", "-o", "json", "-c", "print(1)\nexit(3)")
    found = json.loads(done.stdout)
    assert (found["stdout"], found["exit_code"], done.returncode) == ("1\n", 3, 3)
    printed = installed_client.cloche("run", "-o", "yaml", "-c", "print(1)")
    assert 'stdout: "1\\n"' in printed


def test_an_execution_in_the_background_is_listed_followed_and_cancelled(
    installed_client: InstalledClient,
) -> None:
    code = "import time\nprint('a', flush=True)\ntime.sleep(2)\nprint('b')\nexit(4)"
    name = installed_client.cloche("run", "-d", "-c", code).strip()
    assert name in installed_client.cloche("ps", "--limit", "5")
    until(lambda: installed_client.cloche("logs", name).startswith("a\n"), "the first line", 20)
    followed = installed_client.call("cloche", "logs", "-f", name)
    assert (followed.stdout, followed.returncode) == ("a\nb\n", 4)
    assert installed_client.cloche("logs", name) == "a\nb\n"
    other = installed_client.cloche("run", "-d", "-t", "100", "-c", "while True: pass").strip()
    assert other in installed_client.cloche("cancel", other)
    assert installed_client.call("cloche", "logs", "-f", other).returncode == 125


def test_a_session_keeps_files(installed_client: InstalledClient, tmp_path: Path) -> None:
    name = installed_client.cloche("session", "create", "-l", "bash").strip()
    assert installed_client.cloche("session", "run", name, "-c", "echo 1 > n; cat n") == "1\n"
    (tmp_path / "up.txt").write_text("up")
    installed_client.cloche("session", "upload", name, "up.txt")
    assert installed_client.cloche("run", "--session", name, "-c", "cat n up.txt") == "1\nup"
    installed_client.cloche("session", "download", name, "n", "--output-dir", "down")
    assert (tmp_path / "down" / "n").read_text() == "1\n"
    assert "bash" in installed_client.cloche("session", "show", name)
    assert installed_client.cloche("session", "end", name) == f"{name} ended\n"
    ended = installed_client.call("cloche", "session", "run", name, "-c", "echo 1")
    assert (ended.returncode, f"{name} not found" in ended.stderr) == (125, True)
