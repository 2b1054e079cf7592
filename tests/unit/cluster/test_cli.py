from __future__ import annotations

import fcntl
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cloche_cluster import cli, operations
from cloche_cluster.checkout import Checkout
from cloche_cluster.console import Console
from cloche_cluster.doctor.findings import Section, problem
from cloche_cluster.embedded.layout import Layout
from cloche_cluster.errors import ClusterError, CommandError
from cloche_cluster.machine.command import answers, run, wait_until
from cloche_cluster.machine.lock import locked
from cloche_cluster.operations import Operations
from cloche_cluster.targets.choice import Facts, Kind, Target, Wish


def test_ctrl_c_prints_one_line_and_exits_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_self: Operations, *, bare: bool, only: str) -> None:
        assert (bare, only) == (False, "")
        raise KeyboardInterrupt

    monkeypatch.setattr(Operations, "up", interrupted)
    assert cli.main(["up"]) == 130
    said = capsys.readouterr().err
    assert said.startswith("interrupted")
    assert said.count("\n") == 1


def test_an_error_prints_its_sentence_and_exits_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(_self: Operations) -> None:
        raise ClusterError("the disk is full")

    monkeypatch.setattr(Operations, "down", failing)
    assert cli.main(["down"]) == 1
    assert capsys.readouterr().err == "error: the disk is full\n"


@pytest.mark.parametrize("words", [[], ["--cluster", "other", "up"], ["key"], ["nonsense"]])
def test_an_invalid_command_line_exits_with_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 2


def test_the_machine_is_examined_while_the_lock_is_held(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """While another `make up` starts a cluster, its ports would count as taken."""
    path = tmp_path / "lock"

    def examined(*_: object) -> list[Section]:
        with path.open() as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        raise ClusterError("examined")

    console = Console(stream=io.StringIO())
    monkeypatch.setattr(Operations, "_lock", lambda *_: locked(path, console, "make up"))
    monkeypatch.setattr(operations, "examine", examined)
    with pytest.raises(ClusterError, match="examined"):
        Operations(console, Wish.EMBEDDED, Checkout(tmp_path)).up(bare=True)


def test_the_cluster_chosen_by_up_is_remembered_for_down(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    assert checkout.remembered() is None
    checkout.remember(Target(Kind.KIND, "cloche", "kind-cloche", exists=False))
    assert checkout.remembered() == Target(Kind.KIND, "cloche", "kind-cloche")
    (tmp_path / ".cloche" / "cluster.json").write_text("{half")
    assert checkout.remembered() is None
    checkout.forget()
    assert not (tmp_path / ".cloche").exists()


def test_a_step_is_printed_with_the_elapsed_time() -> None:
    stream = io.StringIO()
    Console(stream=stream).step("building")
    assert stream.getvalue() == "[   0.0s] building\n"


def test_the_error_of_a_failed_program_has_its_last_lines() -> None:
    script = "import sys; print('why', file=sys.stderr); sys.exit(3)"
    with pytest.raises(CommandError, match=r"failed with exit code 3:\n    why"):
        run([sys.executable, "-c", script], timeout=20)
    assert answers([sys.executable, "-c", script], timeout=20) is None


def test_a_missing_program_and_a_timeout_are_errors() -> None:
    with pytest.raises(CommandError, match="no-such-program is not installed"):
        run(["no-such-program"], timeout=20)
    with pytest.raises(CommandError, match="did not end within 0 s"):
        run([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.1)


def test_a_program_receives_stdin_and_environment() -> None:
    script = "import os, sys; print(os.environ['X'], sys.stdin.read(), os.environ.get('HOME'))"
    said = run([sys.executable, "-c", script], timeout=20, env={"X": "1"}, stdin="in")
    assert said.split() == ["1", "in", str(os.environ.get("HOME"))]


def test_a_wait_that_times_out_raises_its_sentence() -> None:
    with pytest.raises(ClusterError, match=r"^it did not come within 0 s: why$"):
        wait_until(lambda: False, seconds=0, what="it did not come", details=lambda: ": why")
    wait_until(lambda: True, seconds=0, what="it did not come")


def test_a_closed_output_pipe_does_not_end_the_work() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        console = Console(stream=stream)
        console.step("one")
        console.step("two")
        assert not stream.closed


def test_make_doctor_exits_with_1_if_there_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(operations, "observe", Facts)
    assert cli.main(["--cluster", "kind", "doctor"]) == 1
    said = capsys.readouterr()
    assert "  problem  cluster: CLUSTER=kind: kind is not installed: install it\n" in said.out
    assert said.err == "error: 1 problem must be fixed before `make up`\n"


def test_make_doctor_changes_nothing_and_prints_a_line_for_each_check() -> None:
    layout = Layout()
    before = [path.exists() for path in (layout.state, layout.cache, layout.run, layout.log)]
    done = subprocess.run(
        [sys.executable, "-m", "cloche_cluster", "--cluster", "embedded", "doctor"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    first, *lines = done.stdout.splitlines()
    assert first.startswith("cluster: embedded")
    titles = [line for line in lines if not line.startswith("  ")]
    checks = [line.split(maxsplit=1) for line in lines if line.startswith("  ")]
    assert titles[0] == "machine:"
    assert {level for level, _ in checks} <= {"ok", "warning", "problem"}
    assert all(": " in text for _, text in checks)
    found = sum(level == "problem" for level, _ in checks)
    assert done.returncode == (1 if found else 0), done.stdout
    assert done.stderr.count("\n") == (1 if found else 0)
    after = [path.exists() for path in (layout.state, layout.cache, layout.run, layout.log)]
    assert after == before


def test_make_up_changes_nothing_while_there_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = Section("machine", (problem("disk", "full: free some"), problem("Go", "none")))
    monkeypatch.setattr(operations, "examine", lambda *_: [wrong])
    monkeypatch.setattr(operations, "make_cluster", None)
    assert cli.main(["--cluster", "embedded", "up"]) == 1
    said = capsys.readouterr().err
    assert said.splitlines()[1:] == ["    disk: full: free some", "    Go: none"]
