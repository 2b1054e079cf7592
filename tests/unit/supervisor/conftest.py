from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SUPERVISOR = Path(__file__).parents[3] / "runtimes" / "supervisor"
HELLO = b"CLO\x01"
ENOUGH = 30.0
"""Timeout in seconds, after which something hangs."""

PYTHON = shutil.which("python3", path="/usr/local/bin:/usr/bin") or ""
"""A Python that every uid may run; one in a home directory may be inaccessible."""

_LAUNCHER = """
import json, sys
sys.path.insert(0, sys.argv[1])
from cloche_supervisor.main import main
from cloche_supervisor.settings import Settings
main(Settings(**json.loads(sys.argv[2])))
"""
_PLACES = """
mount -t tmpfs -o "$1" tmpfs "$2" && mount -t tmpfs -o mode=1777 tmpfs /dev/shm &&
mount -t mqueue mqueue "$3" && shift 3 && exec "$@"
"""
NAMESPACE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]
UID = 10_000 + os.getpid() % 30_000
"""A uid that no Pod on this machine has, and no other process that runs these tests, because the
kernel counts processes by uid."""
UNPRIVILEGED = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--"]


def frame_of(command: list[str], **changes: Any) -> dict[str, Any]:
    frame = {
        "protocol": 1,
        "execution": "0b5c3f0e-0000-4000-8000-000000000001",
        "files": [{"path": "main.py", "text": ""}],
        "compile": None,
        "run": {"command": command},
        "syntax_check": None,
        "environment": {},
        "stdin": "",
        "timeout_seconds": 20.0,
        "output_files": [],
        "limits": {
            "stdout_bytes": 262144,
            "stderr_bytes": 262144,
            "files_bytes": 262144,
            "rlimits": {
                "nproc": 256,
                "nofile": 1024,
                "fsize": 104857600,
                "core": 0,
                "stack": 8388608,
            },
        },
        "afterwards": "exit",
    }
    limits = frame["limits"] | changes.pop("limits", {})
    return frame | changes | {"limits": limits}


def encoded(frame: object) -> bytes:
    data = json.dumps(frame).encode()
    return len(data).to_bytes(4, "big") + data


class Result:
    """The output of a supervisor: its events, whose numbers are checked, and its exit code."""

    def __init__(self, out: bytes, code: int | None, *, first: int = 0) -> None:
        assert out == b"" or out.endswith(b"\n")
        self.lines = out.split(b"\n")[:-1]
        self.events = [json.loads(line) for line in self.lines]
        self.code = code
        numbers = list(range(first, first + len(self.events)))
        assert [event["seq"] for event in self.events] == numbers

    def text(self, stream: str) -> str:
        return "".join(event["data"] for event in self.events if event["event"] == stream)

    @property
    def stdout(self) -> str:
        return self.text("stdout")

    @property
    def stderr(self) -> str:
        return self.text("stderr")

    @property
    def exit(self) -> dict[str, Any]:
        last: dict[str, Any] = self.events[-1]
        assert last["event"] == "exit", last
        return last

    @property
    def error(self) -> str:
        assert self.events[-1]["event"] == "error", self.events[-1]
        return str(self.events[-1]["message"])

    @property
    def stages(self) -> list[str]:
        return [event["stage"] for event in self.events if event["event"] == "started"]


class Peer:
    """The operator's side of a supervisor, which is a real process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._out = b""

    def send(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def read_until(self, text: bytes) -> None:
        assert self.process.stdout is not None
        while text not in self._out:
            data = os.read(self.process.stdout.fileno(), 65536)
            assert data, self._out
            self._out += data

    def supervisor_pid(self) -> int:
        """Return the supervisor's pid as seen by the machine, in a namespace or not."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
        return int(children[0])

    def finish(self) -> Result:
        out, err = self.process.communicate(timeout=ENOUGH)
        assert err == b""
        return Result(self._out + out, self.process.returncode)

    def run(self, frame: dict[str, Any]) -> Result:
        self.send(HELLO + encoded(frame))
        return self.finish()


class Reused:
    """A supervisor that runs one program after another, in namespaces as in a Pod."""

    def __init__(self, peer: Peer, workspace: Path) -> None:
        self.peer = peer
        self.pid = 0
        self.workspace = workspace
        self._seen = 0
        self._read = b""
        peer.send(HELLO)
        assert self._event() == {"seq": 0, "event": "ready", "protocol": 1}
        self.pid = peer.supervisor_pid()
        self.place = Path(f"/proc/{self.pid}/root{workspace}")
        """The workspace, as seen from outside."""

    def send(self, command: list[str], afterwards: str = "reset", **changes: Any) -> Result:
        """Run a command and read up to its `exit`."""
        self.peer.send(encoded(frame_of(command, afterwards=afterwards, **changes)))
        first, lines = self._seen, []
        while True:
            lines.append(self._line())
            event = json.loads(lines[-1])["event"]
            if event in {"exit", "error"}:
                return Result(b"".join(lines), None, first=first)

    def run(self, command: list[str], afterwards: str = "reset", **changes: Any) -> Result:
        """Run a command and check that another may follow."""
        result = self.send(command, afterwards, **changes)
        assert result.exit
        assert self._event() == {"seq": self._seen - 1, "event": "ready", "protocol": 1}
        return result

    def python(self, code: str, afterwards: str = "reset", **changes: Any) -> Result:
        return self.run([PYTHON, "-I", "-S", "-c", code], afterwards, **changes)

    def bash(self, code: str, afterwards: str = "reset", **changes: Any) -> Result:
        return self.run(["bash", "-c", code], afterwards, **changes)

    def end(self) -> Result:
        """Close the input, and return the rest of the output."""
        out, err = self.peer.process.communicate(timeout=ENOUGH)
        assert err == b""
        return Result(self._read + out, self.peer.process.returncode, first=self._seen)

    def _event(self) -> Any:
        return json.loads(self._line())

    def _line(self) -> bytes:
        assert self.peer.process.stdout is not None
        while b"\n" not in self._read:
            data = os.read(self.peer.process.stdout.fileno(), 65536)
            assert data, self._read
            self._read += data
        line, _, self._read = self._read.partition(b"\n")
        self._seen += 1
        return line + b"\n"


class Supervisors:
    interpreter = PYTHON

    def __init__(self, directory: Path) -> None:
        self._code = directory / "code"
        shutil.copytree(SUPERVISOR, self._code)
        self._launcher = self._code / "launcher.py"
        self._launcher.write_text(_LAUNCHER, encoding="utf-8")
        self.workspace = directory / "workspace"
        self.workspace.mkdir()
        self.workspace.chmod(0o777)
        directory.chmod(0o755)
        self._peers: list[Peer] = []

    def use_policy(self, path: Path) -> None:
        """Replace the module with the rules of the filter."""
        shutil.copyfile(path, self._code / "cloche_supervisor" / "isolation" / "policy.py")

    def start(self, *prefix: str, **settings: Any) -> Peer:
        values = json.dumps({"workspace": str(self.workspace)} | settings)
        return self.start_as(
            [*prefix, PYTHON, "-I", "-S", str(self._launcher), str(self._code), values]
        )

    def start_as(self, command: list[str]) -> Peer:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"]},
        )
        self._peers.append(Peer(process))
        return self._peers[-1]

    def run(self, command: list[str], **changes: Any) -> Result:
        return self.start().run(frame_of(command, **changes))

    def python(self, code: str, **changes: Any) -> Result:
        return self.run([PYTHON, "-I", "-S", "-c", code], **changes)

    def bash(self, code: str, **changes: Any) -> Result:
        return self.run(["bash", "-c", code], **changes)

    def as_pid_1(self, code: str, **changes: Any) -> Result:
        """Run Python code under a supervisor that is PID 1 of a namespace and not root."""
        peer = self.start(*NAMESPACE, *UNPRIVILEGED)
        return peer.run(frame_of([PYTHON, "-I", "-S", "-c", code], **changes))

    def reused(self, *first: str, options: str = "mode=777", **settings: Any) -> Reused:
        """Start a supervisor that can be reused.

        `first`: a command that starts it. `options`: mount options of its workspace, a tmpfs.
        """
        queues = self.workspace.with_name("mqueue")
        queues.mkdir(exist_ok=True)
        directories = {"memory_directories": ["/dev/shm", str(queues), "/no/such/directory"]}
        places = ["sh", "-c", _PLACES, "sh", options, str(self.workspace), str(queues)]
        prefix = [*NAMESPACE[:-1], "--ipc", "--", *places, *first, *UNPRIVILEGED]
        return Reused(self.start(*prefix, **directories | settings), self.workspace)

    def close(self) -> None:
        for peer in self._peers:
            peer.process.kill()
            peer.process.communicate()


@pytest.fixture
def supervisors() -> Iterator[Supervisors]:
    # Not tmp_path, which other uids may not enter.
    with tempfile.TemporaryDirectory(prefix="cloche-supervisor-") as directory:
        made = Supervisors(Path(directory))
        yield made
        made.close()


@pytest.fixture(scope="session")
def kit() -> Kit:
    return Kit()


class Kit:
    """What else tests need. They are not a package and cannot import this file."""

    hello = HELLO
    python = PYTHON
    namespace = NAMESPACE
    uid = UID
    unprivileged = UNPRIVILEGED
    repository = SUPERVISOR.parents[1]

    @staticmethod
    def frame(command: list[str], **changes: Any) -> dict[str, Any]:
        return frame_of(command, **changes)

    @staticmethod
    def encode(frame: object) -> bytes:
        return encoded(frame)

    @staticmethod
    def wait_until(done: Callable[[], bool]) -> None:
        end = time.monotonic() + ENOUGH
        while not done():
            assert time.monotonic() < end
            time.sleep(0.01)
