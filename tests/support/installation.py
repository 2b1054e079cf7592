"""A running installation, as its users reach it."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SANDBOXES = "cloche-sandboxes"
SYSTEM = "cloche-system"
KUBECTL = ROOT / ".cloche" / "bin" / "kubectl"


@dataclass(frozen=True)
class Kubectl:
    """kubectl, pointed at the installation's cluster."""

    kubeconfig: str

    def __call__(self, *args: str, input_: str | None = None) -> str:
        """What kubectl prints; a failure fails the test with kubectl's words."""
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


@dataclass(frozen=True)
class Installation:
    """What `make up` wrote into .cloche/env."""

    url: str
    key: str
    kubeconfig: str
