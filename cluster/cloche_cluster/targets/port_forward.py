"""A background `kubectl port-forward`, for clusters whose Services are unreachable."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_cluster.errors import ClusterError
from cloche_cluster.machine.command import wait_until
from cloche_cluster.machine.processes import arguments
from cloche_cluster.targets.base import GATEWAY_PORT

if TYPE_CHECKING:
    from pathlib import Path

    from cloche_cluster.kubectl import Kubectl

_START_SECONDS = 15.0


@dataclass(frozen=True)
class PortForward:
    """A forward of the gateway to localhost; its pid file and log are in `directory`."""

    directory: Path

    @property
    def _pid_file(self) -> Path:
        return self.directory / "port-forward.pid"

    @property
    def _log(self) -> Path:
        return self.directory / "port-forward.log"

    def ensure(self, kubectl: Kubectl, namespace: str, service: str) -> str:
        """Restart the forward, because an old one may lead to a removed Pod, and return the URL."""
        self.stop()
        argv = [*kubectl.argv, "port-forward", "-n", namespace, f"service/{service}",
                f"{GATEWAY_PORT}:{GATEWAY_PORT}"]  # fmt: skip
        self.directory.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log:
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._pid_file.write_text(f"{process.pid}\n")

        def is_ready() -> bool:
            if process.poll() is not None:
                raise ClusterError(f"kubectl port-forward failed{output()}")
            return _listens()

        def output() -> str:
            return f": {self._log.read_text().strip()}"

        wait_until(
            is_ready,
            seconds=_START_SECONDS,
            what=f"kubectl port-forward did not listen on port {GATEWAY_PORT}",
            details=output,
        )
        return f"http://localhost:{GATEWAY_PORT}"

    def stop(self) -> bool:
        """Stop the forward, if the pid file's process is one; return whether it was."""
        pid = self.running()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
        self._pid_file.unlink(missing_ok=True)
        return pid is not None

    def running(self) -> int | None:
        """Return the process id, if the pid file's process is a port-forward."""
        try:
            pid = int(self._pid_file.read_text())
        except (OSError, ValueError):
            return None
        return pid if "port-forward" in arguments(pid) else None


def _listens() -> bool:
    try:
        with socket.create_connection(("127.0.0.1", GATEWAY_PORT), timeout=1):
            return True
    except OSError:
        return False
