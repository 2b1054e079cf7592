"""The operator as a separate process, started as in its image."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from support.deadline import until

START_SECONDS = 30.0
_STOP_SECONDS = 10.0  # in addition to its drain time


class Operator:
    """A running operator with its log and its HTTP port."""

    def __init__(
        self, kubeconfig: Path, log: Path, settings: dict[str, Any], *, clock_ahead: int = 0
    ) -> None:
        self.log_file = log
        self.port = _free_port()
        self.settings = {"log_format": "text", "http_port": self.port, **settings}
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *_module(clock_ahead)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=_environment(self.settings) | {"KUBECONFIG": str(kubeconfig)},
            )

    @property
    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8")

    def wait_until_it_operates(self) -> None:
        def operating() -> bool:
            assert self.process.poll() is None, self.log
            return "operating in namespace" in self.log

        until(operating, START_SECONDS, "the operator to operate")

    def http(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=5.0)

    def metric(self, sample: str) -> float:
        """Return the value of a sample, such as `cloche_operator_running_executions`."""
        for line in self.http("/metrics").text.splitlines():
            if line.startswith(sample + " "):
                return float(line.removeprefix(sample))
        return 0.0

    def kill(self) -> None:
        """Send SIGKILL, which gives it no chance to clean up."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Send SIGTERM; it must end in time, without errors in its log."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        drain = float(self.settings.get("drain_seconds", 10))
        try:
            code = self.process.wait(drain + _STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"SIGTERM did not end the operator:\n{self.log}") from None
        assert code in (0, -signal.SIGKILL), f"exit code {code}:\n{self.log}"
        assert "Traceback" not in self.log, self.log
        # kopf logs an error and retries when the API server asks it to retry, and when SIGTERM
        # arrives during the first discovery of resources.
        errors = [line for line in self.log.splitlines() if " ERROR " in line]
        again = ("will retry", "TCP closed; will re-authenticate")
        assert all(any(words in line for words in again) for line in errors), self.log


@contextmanager
def operator(
    kubeconfig: Path, log: Path, *, clock_ahead: int = 0, **settings: Any
) -> Iterator[Operator]:
    """Run it for the block; its log is checked at the end.

    `clock_ahead`: seconds by which its machine's clock is ahead of all others.
    """
    made = Operator(kubeconfig, log, settings, clock_ahead=clock_ahead)
    try:
        made.wait_until_it_operates()
        yield made
    except BaseException:
        made.kill()
        sys.stderr.write(made.log)
        raise
    made.stop()


def _module(clock_ahead: int) -> list[str]:
    if not clock_ahead:
        return ["cloche_operator"]
    return ["support.skewed", str(clock_ahead), "cloche_operator"]


def _environment(settings: dict[str, Any]) -> dict[str, str]:
    mine = {
        f"CLOCHE_OPERATOR_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in settings.items()
    }
    others = {k: v for k, v in os.environ.items() if not k.startswith(("CLOCHE_", "KUBE"))}
    path = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    return others | mine | {"PYTHONPATH": os.pathsep.join(filter(None, path))}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
