"""kubectl, and what it shows of an installation."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from support.data.names import ROOT, SANDBOXES


@dataclass(frozen=True)
class Kubectl:
    """The kubectl program for one cluster."""

    kubeconfig: Path | str
    program: Path = ROOT / ".cloche" / "bin" / "kubectl"
    timeout_seconds: ClassVar[float] = 60.0

    def run(self, *args: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl, which may fail."""
        return subprocess.run(
            [*self.command, *args],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=self.timeout_seconds,
        )

    def __call__(self, *args: str, stdin: str | None = None) -> str:
        """Return kubectl's output; a failure fails the test with its error."""
        done = self.run(*args, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(args)}: {done.stderr}"
        return done.stdout

    def json(self, *args: str) -> Any:
        """Return the objects that kubectl prints."""
        return json.loads(self(*args, "-o", "json"))

    @property
    def command(self) -> list[str]:
        """The program with its kubeconfig, to be started in another way."""
        return [str(self.program), f"--kubeconfig={self.kubeconfig}"]


@dataclass(frozen=True)
class InstallationKubectl(Kubectl):
    """kubectl for the cluster of the installation."""

    timeout_seconds: ClassVar[float] = 180.0

    def execution(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.json("get", "sbx", name, "-n", SANDBOXES)
        return found

    def pods(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.json("get", "pods", "-n", SANDBOXES)["items"]
        return found

    def busy_pods(self) -> list[dict[str, Any]]:
        """Return the sandbox Pods that are not waiting in a pool."""
        waits = ("cloche.dev/state", "waiting")
        return [pod for pod in self.pods() if waits not in pod["metadata"]["labels"].items()]

    def waiting_pods(self, runtime: str) -> set[str]:
        """Return the uids of the Pods that wait for executions of a runtime."""
        labels = f"cloche.dev/runtime={runtime},cloche.dev/state=waiting"
        found = self.json("get", "pods", "-n", SANDBOXES, "-l", labels)["items"]
        return {pod["metadata"]["uid"] for pod in found}

    def runtime_status(self, runtime: str) -> dict[str, Any]:
        """Return a SandboxRuntime's status: `{}` before the operator has written one."""
        status: dict[str, Any] = self.json("get", "sbr", runtime, "-n", SANDBOXES).get("status", {})
        return status

    def pool_is_full(self, runtime: str) -> bool:
        """Return whether a runtime has as many waiting Pods as it should."""
        status = self.runtime_status(runtime)
        return bool(status.get("wanted")) and status.get("ready") == status["wanted"]


def sources_of(kubectl: InstallationKubectl, executions: Iterable[str]) -> set[str]:
    """Return those of the executions whose SandboxSource exists."""
    found = kubectl.json("get", "sbxsrc", "-n", SANDBOXES)["items"]
    return {of["spec"]["execution"] for of in found} & set(executions)
