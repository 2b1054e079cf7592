"""A waiting process for tests: a small interpreter of main.py, and supervisors that start it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.fixtures.supervisor import (
    PYTHON,
    Result,
    Reused,
    encoded,
    frame_of,
    wait_until,
)

_INTERPRETER = """
import os, sys
waited = os.environ.pop("WAIT", None)
if waited is not None:
    def take(length):
        data = b""
        while len(data) < length:
            part = os.read(0, length - len(data))
            if not part:
                os._exit(0)
            data += part
        return data
    exec(waited)
    words = take(int.from_bytes(take(4), "big")).decode().split("\\0")[:-1]
    end = 1 + int(words[0])
    sys.argv[1:] = words[1:end]
    for word in words[end:]:
        name, _, value = word.partition("=")
        os.environ[name] = value
exec(open("main.py").read())
"""
RLIMITS = frame_of([])["limits"]["rlimits"] | {"nproc": 40}
"""Few processes, for a fork bomb."""
COMMAND = [PYTHON, "-I", "-S", "-c", _INTERPRETER]
"""An interpreter of main.py. With the variable WAIT it runs that as code and waits."""
IS_UP = "open('.tmp/up', 'w')\n"
"""Code for WAIT after which `up` returns."""
ALONE = "sorted(map(int, filter(str.isdecimal, os.listdir('/proc')))) == [1, os.getpid()]"
"""Whether a program is the only one in its namespace."""
LIST = f"""if True:
    print(sorted(os.listdir(".")), sys.argv[1:], os.environ.get("A"), sys.stdin.read())
    print({ALONE})
"""
"""A program that prints what it finds and gets, and whether it is alone in its namespace."""
LISTED = "['.tmp', 'main.py'] ['x', 'y z'] b=c in\nTrue\n"


def process(code: str = "", **changes: Any) -> dict[str, Any]:
    """Return a process of the prestart frame. `code`: what it does before it waits."""
    made = {"stage": "run", "command": COMMAND, "environment": {"WAIT": code}}
    return made | changes


def prestart(*processes: dict[str, Any], **environment: str) -> bytes:
    """Return a prestart frame with RLIMITS."""
    content = {"environment": environment, "rlimits": RLIMITS, "processes": processes}
    return encoded({"protocol": 1, "prestart": content})


def program(code: str = LIST, *arguments: str, **changes: Any) -> dict[str, Any]:
    """Return a frame that runs the code as main.py."""
    files = [{"path": "main.py", "text": code}, *changes.pop("files", [])]
    fields = {"afterwards": "reset", "files": files, "limits": {"rlimits": RLIMITS}}
    return frame_of([*COMMAND, *arguments], **fields | changes)


def typical(**changes: Any) -> dict[str, Any]:
    """Return a frame of LIST, which prints LISTED."""
    return program(LIST, "x", "y z", **{"environment": {"A": "b=c"}, "stdin": "in"} | changes)


def started(result: Result) -> dict[str, bool]:
    """Return for each stage whether its process had waited."""
    return {
        event["stage"]: event["prestarted"]
        for event in result.events
        if event["event"] == "started"
    }


def children(pid: int) -> list[int]:
    """Return the children of a supervisor that have become other programs."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    return [one for one in map(int, found) if _command(one) != _command(pid)]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def wait_for_children(pid: int, number: int = 1) -> list[int]:
    """Wait until the supervisor has so many waiting processes, and return their pids."""
    found: list[int] = []

    def are_there() -> bool:
        found[:] = children(pid)
        return len(found) == number

    wait_until(are_there)
    return found


def wait_in(reused: Reused, *processes: dict[str, Any], **environment: str) -> list[int]:
    """Start the processes in a supervisor, and return their pids."""
    reused.peer.send(prestart(*processes, **environment))
    return wait_for_children(reused.pid, len(processes))


def wait_until_dead(pid: int) -> None:
    """Wait until a process has ended. The supervisor reaps it later."""
    stat = Path(f"/proc/{pid}/stat")
    wait_until(lambda: stat.read_bytes().rpartition(b")")[2].split()[0] == b"Z")


def wait_until_up(place: Path) -> None:
    """Wait until a process has run IS_UP in this workspace."""
    wait_until((place / ".tmp" / "up").exists)
