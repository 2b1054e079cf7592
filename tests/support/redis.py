"""A real Redis server for one test."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from support.deadline import until

from cloche_cluster.console import Console
from cloche_cluster.machine.apt import ensure_packages

_PASSWORD = "secret"  # of a server for a single test
_TOOLS = Path("/usr/bin/redis-check-rdb")
"""The server under another name; Debian's package of the server itself would start one."""
_SECONDS = 10.0


class Redis:
    """A server that keeps its port when it is stopped and started again."""

    def __init__(self, program: Path, directory: Path, port: int) -> None:
        self._program = program
        self._directory = directory
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://:{_PASSWORD}@127.0.0.1:{port}/0"

    def start(self) -> None:
        options = {
            "port": str(self._port),
            "bind": "127.0.0.1",
            "dir": str(self._directory),
            "requirepass": _PASSWORD,
            "save": "",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        with (self._directory / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["redis-server", *words], executable=self._program, stdout=log, stderr=log
            )
        until(self._answers, _SECONDS, "Redis to answer")

    def stop(self) -> None:
        """Stop the server, even if it is frozen or not running."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Make it accept connections without answering."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def _answers(self) -> bool:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self._port)) as to,
        ):
            to.sendall(b"PING\r\n")
            return to.recv(64).startswith(b"-NOAUTH")
        return False


@contextlib.contextmanager
def redis(directory: Path) -> Iterator[Redis]:
    """Run a server for the block."""
    found = shutil.which("redis-server")
    if found is None and not _TOOLS.exists():
        ensure_packages(("redis-tools",), Console())
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    server = Redis(Path(found) if found else _TOOLS, directory, port)
    server.start()
    try:
        yield server
    finally:
        server.stop()
