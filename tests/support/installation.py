"""A running installation, as its users access it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloche_cluster.install import env_file

ROOT = Path(__file__).parents[2]
SANDBOXES = "cloche-sandboxes"
SYSTEM = "cloche-system"
KUBECTL = ROOT / ".cloche" / "bin" / "kubectl"


@dataclass(frozen=True)
class Kubectl:
    """kubectl for the installation's cluster."""

    kubeconfig: str

    def __call__(self, *args: str, input_: str | None = None) -> str:
        """Return kubectl's output; a failure fails the test with its error."""
        done = self.run(*args, input_=input_)
        assert done.returncode == 0, f"kubectl {' '.join(args)}: {done.stderr}"
        return done.stdout

    def run(self, *args: str, input_: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [KUBECTL, *args],
            input=input_,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
            env=os.environ | {"KUBECONFIG": self.kubeconfig},
        )

    def json(self, *args: str) -> Any:
        return json.loads(self(*args, "-o", "json"))

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

    def runtime_status(self, runtime: str) -> dict[str, Any]:
        """Return a SandboxRuntime's status: `{}` before the operator has written one."""
        status: dict[str, Any] = self.json("get", "sbr", runtime, "-n", SANDBOXES).get("status", {})
        return status

    def pool_is_full(self, runtime: str) -> bool:
        """Return whether a runtime has as many waiting Pods as it should."""
        told = self.runtime_status(runtime)
        return bool(told.get("wanted")) and told.get("ready") == told["wanted"]


def sources_of(kubectl: Kubectl, executions: Iterable[str]) -> set[str]:
    """Return those of the executions whose SandboxSource exists."""
    found = kubectl.json("get", "sbxsrc", "-n", SANDBOXES)["items"]
    return {of["spec"]["execution"] for of in found} & set(executions)


@dataclass(frozen=True)
class Installation:
    """The contents of .cloche/env, which `make up` writes."""

    url: str
    key: str
    kubeconfig: str


def installed() -> Installation:
    """Return the running installation; without one the test fails."""
    found = env_file.read(ROOT / ".cloche" / "env")
    assert found is not None, "there is no .cloche/env: run `make up` first"
    return Installation(found.url, found.api_key, found.kubeconfig)
