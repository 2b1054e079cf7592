from __future__ import annotations

import io
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from cloche_cluster.console import Console
from cloche_cluster.machine.lock import locked

if TYPE_CHECKING:
    from pathlib import Path

HOLD = """
import sys
from pathlib import Path
from cloche_cluster.console import Console
from cloche_cluster.machine.lock import locked
with locked(Path(sys.argv[1]), Console(), "make up of the other"):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def waits_for(path: Path, holder: subprocess.Popen[str], end: str) -> str:
    """Take the lock while another process holds it; end that one when this one reports waiting."""
    stream = io.StringIO()
    taken = threading.Event()

    def take() -> None:
        with locked(path, Console(stream=stream), "make down"):
            taken.set()

    thread = threading.Thread(target=take)
    thread.start()
    deadline = time.monotonic() + 10
    while "waiting" not in stream.getvalue():
        assert time.monotonic() < deadline
        assert not taken.is_set()
    getattr(holder, end)()
    holder.communicate()
    thread.join(10)
    assert taken.is_set()
    return stream.getvalue()


def test_a_second_process_waits_and_names_the_holder(tmp_path: Path) -> None:
    path = tmp_path / "run" / "lock"
    holder = hold(path)
    said = waits_for(path, holder, "terminate")
    assert f"make up of the other (process {holder.pid})" in said


def test_a_killed_holder_releases_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    waits_for(path, hold(path), "kill")
    with locked(path, Console(stream=io.StringIO()), "again"):
        assert path.read_text().startswith("again")


def test_a_lock_whose_file_was_removed_can_be_acquired(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = hold(path)
    path.unlink()
    with locked(path, Console(stream=io.StringIO()), "new"):
        assert path.exists()
    holder.communicate()
