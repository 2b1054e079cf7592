"""kubectl and Helm against a test's own API server."""

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

    It has one release of the chart in separate namespaces. The release's cluster-wide objects are
    named after `system`, so that releases do not conflict.
    """

    kubeconfig: Path
    program: Path
    system: str = SYSTEM
    sandboxes: str = SANDBOXES
    unguarded: str = "cloche-unguarded"
    """A namespace with the policies on Pods, but without Pod Security, limits or a quota."""

    @property
    def gateway(self) -> str:
        """The gateway's user name."""
        return self.account("cloche-gateway")

    @property
    def operator(self) -> str:
        """The operator's user name."""
        return self.account("cloche-operator")

    def account(self, name: str) -> str:
        """Return the user name of a service account in the release's namespace."""
        return f"system:serviceaccount:{self.system}:{name}"

    def run(self, *args: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl."""
        return subprocess.run(
            [str(self.program), "--kubeconfig", str(self.kubeconfig), *args],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def __call__(self, *args: str, stdin: str | None = None) -> str:
        """Return kubectl's output; a failure fails the test with its error."""
        done = self.run(*args, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(args)}: {done.stderr}"
        return done.stdout

    def json(self, *args: str) -> Any:
        """Return an object that kubectl prints."""
        return json.loads(self(*args, "-o", "json"))

    def helm(self, *args: str) -> str:
        """Return Helm's output; a failure fails the test with its error."""
        done = helm(*args, "-n", self.system, kubeconfig=self.kubeconfig)
        assert done.returncode == 0, f"helm {' '.join(args)}: {done.stderr}"
        return done.stdout

    def apply_crds(self) -> None:
        """Apply the CRDs as described in docs/operate/upgrade.md."""
        self("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))

    def upgrade(self, *args: str) -> str:
        """Run `helm upgrade --install` with the chart; its CRDs must exist."""
        return self.helm(
            "upgrade", "--install", "cloche", str(CHART), "--skip-crds",
            "--set", f"sandbox.namespace={self.sandboxes}", *args,
        )  # fmt: skip

    def try_session(
        self, name: str, *, by: str | None = None, namespace: str | None = None,
        labels: dict[str, str] | None = None, **spec: Any,
    ) -> subprocess.CompletedProcess[str]:  # fmt: skip
        """Create a SandboxSession, impersonating `by` if given."""
        metadata = {"name": name, "namespace": namespace or self.sandboxes, "labels": labels or {}}
        return self._create("SandboxSession", metadata, spec, by)

    def try_execution(
        self, name: str, *, by: str | None = None, namespace: str | None = None,
        labels: dict[str, str] | None = None, **spec: Any,
    ) -> subprocess.CompletedProcess[str]:  # fmt: skip
        """Create a SandboxExecution, impersonating `by` if given; None omits a field."""
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
