"""kubectl and helm against an API server of a test's own."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.helm import CHART, ROOT, SANDBOXES, SYSTEM, helm


@dataclass(frozen=True)
class ChartCluster:
    """An API server with its controllers, and no node: Pods stay Pending.

    One release of the chart is this one's, in namespaces of its own. What it has in the whole
    cluster is named after `system`, so that releases do not meet.
    """

    kubeconfig: Path
    program: Path
    system: str = SYSTEM
    sandboxes: str = SANDBOXES
    unguarded: str = "cloche-unguarded"
    """A namespace with the policies on Pods, and without Pod Security, limits or a quota."""

    @property
    def gateway(self) -> str:
        """The gateway's account."""
        return self.account("cloche-gateway")

    @property
    def operator(self) -> str:
        """The operator's account."""
        return self.account("cloche-operator")

    def account(self, name: str) -> str:
        """A service account of the release's namespace, as Kubernetes names its user."""
        return f"system:serviceaccount:{self.system}:{name}"

    def run(self, *args: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Kubectl and its words."""
        return subprocess.run(
            [str(self.program), "--kubeconfig", str(self.kubeconfig), *args],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def __call__(self, *args: str, stdin: str | None = None) -> str:
        """What kubectl prints; a failure fails the test with kubectl's words."""
        done = self.run(*args, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(args)}: {done.stderr}"
        return done.stdout

    def json(self, *args: str) -> Any:
        """An object as kubectl prints it."""
        return json.loads(self(*args, "-o", "json"))

    def helm(self, *args: str) -> str:
        """What helm prints; a failure fails the test with helm's words."""
        done = helm(*args, "-n", self.system, kubeconfig=self.kubeconfig)
        assert done.returncode == 0, f"helm {' '.join(args)}: {done.stderr}"
        return done.stdout

    def apply_crds(self) -> None:
        """As docs/operate/upgrade.md has it."""
        self("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))

    def upgrade(self, *args: str) -> str:
        """`helm upgrade --install` of the chart in the tree, its CRDs being there."""
        return self.helm(
            "upgrade", "--install", "cloche", str(CHART), "--skip-crds",
            "--set", f"sandbox.namespace={self.sandboxes}", *args,
        )  # fmt: skip

    def try_session(
        self, name: str, *, by: str | None = None, namespace: str | None = None,
        labels: dict[str, str] | None = None, **spec: Any,
    ) -> subprocess.CompletedProcess[str]:  # fmt: skip
        """Create a SandboxSession, as somebody else if `by` says so."""
        metadata = {"name": name, "namespace": namespace or self.sandboxes, "labels": labels or {}}
        return self._create("SandboxSession", metadata, spec, by)

    def try_execution(
        self, name: str, *, by: str | None = None, namespace: str | None = None,
        labels: dict[str, str] | None = None, **spec: Any,
    ) -> subprocess.CompletedProcess[str]:  # fmt: skip
        """Create a SandboxExecution, as somebody else if `by` says so; None leaves a field out."""
        metadata = {"name": name, "namespace": namespace or self.sandboxes, "labels": labels or {}}
        return self._create("SandboxExecution", metadata, {"code": "print(1)", **spec}, by)

    def _create(
        self, kind: str, metadata: dict[str, Any], spec: dict[str, Any], by: str | None
    ) -> subprocess.CompletedProcess[str]:
        manifest = {
            "apiVersion": "cloche.dev/v1alpha1",
            "kind": kind,
            "metadata": metadata,
            "spec": {"language": "python", **{f: of for f, of in spec.items() if of is not None}},
        }
        impersonation = ["--as", by] if by else []
        return self.run("create", *impersonation, "-f", "-", stdin=json.dumps(manifest))
