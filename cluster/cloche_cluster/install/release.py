"""The CRDs and the Helm release, changed only if necessary."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloche_cluster.errors import ClusterError, CommandError
from cloche_cluster.install.pod_status import diagnose
from cloche_cluster.machine.command import answers, run
from cloche_cluster.targets.base import NAMESPACE, RELEASE, SANDBOX_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cloche_cluster.console import Console
    from cloche_cluster.targets.base import Access

READY_SECONDS = 240
"""How long the Pods may take to become ready. On kind and minikube their images were just
loaded."""

_LOOK_SECONDS = 60.0


@dataclass(frozen=True)
class Release:
    """The release `cloche` in one cluster, from the chart of one checkout."""

    access: Access
    repository: Path
    console: Console

    def apply_crds(self) -> None:
        """Apply the CRDs server-side: Helm installs a chart's CRDs, but never upgrades them."""
        paths = sorted((self.repository / "crds").glob("*.yaml"))
        if not paths:
            raise ClusterError("crds/ has no YAML: run `make crds`")
        kubectl = self.access.kubectl
        files = [word for path in paths for word in ("-f", str(path))]
        kubectl.run("apply", "--server-side", "--force-conflicts", *files)
        kubectl.run("wait", "--for=condition=Established", "--timeout=30s", *files)

    def upgrade(self, values: Mapping[str, Any]) -> bool:
        """Install or upgrade, and wait until all is ready; return False if nothing has changed.

        A release that an interrupted run left pending is continued. Raises ClusterError, which
        names the Pods that are not ready, and why.
        """
        digest = content_digest(self.repository / "charts" / RELEASE, values)
        status = self.status()
        same = status.get("info", {}).get("description") == digest and _is_deployed(status)
        if same and is_whole(self._deployments()):
            self._wait_until_ready()
            return False
        self.console.step("installing the chart …")
        self._take_on(status)
        with tempfile.TemporaryDirectory() as temporary:
            file = Path(temporary) / "values.json"
            file.write_text(json.dumps(values))
            self._upgrade(file, digest)
        return True

    def uninstall(self, *, keep_resources: bool) -> list[str]:
        """Uninstall the release and return what was removed.

        Unless `keep_resources` is set, the namespaces and the CRDs are removed too, and with them
        every execution.
        """
        gone = []
        if self.status():
            self._helm("uninstall", RELEASE, "--wait", "--timeout", "120s", timeout=150)
            gone.append(f"the helm release {RELEASE}")
        if keep_resources:
            return gone
        kubectl = self.access.kubectl
        for path in sorted((self.repository / "crds").glob("*.yaml")):
            kubectl.run("delete", "--ignore-not-found", "-f", str(path), timeout=120)
        gone.append("the custom resources and their definitions")
        for namespace in (SANDBOX_NAMESPACE, NAMESPACE):
            kubectl.run("delete", "namespace", namespace, "--ignore-not-found", timeout=180)
            gone.append(f"the namespace {namespace}")
        return gone

    def status(self) -> dict[str, Any]:
        """Return Helm's status of the release; empty if there is none."""
        words = ["status", RELEASE, "-n", NAMESPACE, "-o", "json"]
        where = ["--kubeconfig", str(self.access.kubeconfig)]
        output = answers([self.access.helm, *words, *where], timeout=_LOOK_SECONDS)
        status: dict[str, Any] = json.loads(output) if output else {}
        return status

    def image_tags(self) -> dict[str, str]:
        """Return the image tags in the release's values, without those of disabled languages."""
        words = ["get", "values", RELEASE, "-n", NAMESPACE, "-o", "json"]
        where = ["--kubeconfig", str(self.access.kubeconfig)]
        found = answers([self.access.helm, *words, *where], timeout=_LOOK_SECONDS)
        values: dict[str, Any] = (json.loads(found) if found else None) or {}
        disabled = {f"runtime-{name}" for name in values.get("runtimes", {}).get("disabled", ())}
        tags: dict[str, str] = values.get("image", {}).get("tags", {})
        return {name: tag for name, tag in tags.items() if name not in disabled}

    def languages(self) -> set[str]:
        """Return the names of the installed SandboxRuntimes."""
        listed = self.access.kubectl.run("get", "sbr", "-n", SANDBOX_NAMESPACE, "-o", "name")
        return {line.rpartition("/")[2] for line in listed.split()}

    def _take_on(self, status: Mapping[str, Any]) -> None:
        """Remove what a killed Helm left and what would block an upgrade."""
        state = str(status.get("info", {}).get("status", ""))
        if state.startswith("pending"):
            selector = f"owner=helm,name={RELEASE},status={state}"
            self.access.kubectl.run("delete", "secret", "-n", NAMESPACE, "-l", selector)
        elif state == "uninstalling":
            self._helm("uninstall", RELEASE, "--wait", "--timeout", "120s", timeout=150)

    def _upgrade(self, values: Path, digest: str) -> None:
        chart = self.repository / "charts" / RELEASE
        try:
            self._helm(
                "upgrade", "--install", RELEASE, str(chart), "--create-namespace",
                "--skip-crds",  # apply_crds applies them
                "--values", str(values), "--description", digest,
                "--force-conflicts",  # the chart overrides changes made by hand
                "--wait", "--timeout", f"{READY_SECONDS}s",
                timeout=READY_SECONDS + 60,
            )  # fmt: skip
        except CommandError as error:
            found = diagnose(self.access.kubectl, NAMESPACE)
            raise ClusterError("\n".join([without_notes(str(error)), *found])) from None

    def _wait_until_ready(self) -> None:
        """Wait for the existing Deployments, whose Pods a crash of the node may have ended."""
        kubectl = self.access.kubectl
        try:
            for deployment in self._deployments():
                kubectl.run(
                    "rollout", "status", "-n", NAMESPACE,
                    f"deployment/{deployment['metadata']['name']}", f"--timeout={READY_SECONDS}s",
                    timeout=READY_SECONDS + 30,
                )  # fmt: skip
        except CommandError:
            found = diagnose(kubectl, NAMESPACE)
            raise ClusterError("\n".join(["the installation is not ready", *found])) from None

    def _deployments(self) -> list[dict[str, Any]]:
        selector = ("-l", f"app.kubernetes.io/instance={RELEASE}")
        answer = self.access.kubectl.json("get", "deployments", "-n", NAMESPACE, *selector)
        deployments: list[dict[str, Any]] = answer["items"]
        return deployments

    def _helm(self, *words: str, timeout: float) -> str:
        where = ["-n", NAMESPACE, "--kubeconfig", str(self.access.kubeconfig)]
        return run([self.access.helm, *words, *where], timeout=timeout)


def is_whole(deployments: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether gateway and operator exist and neither is scaled to 0."""
    parts = 2
    return len(deployments) >= parts and all(one["spec"]["replicas"] for one in deployments)


def content_digest(chart: Path, values: Mapping[str, Any]) -> str:
    """Return the digest of a chart and its values, which is stored as the release's description."""
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode())
    for path in _files(chart):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(chart)} {len(content)}\n".encode())
        digest.update(content)
    return f"content {digest.hexdigest()}"


def without_notes(message: str) -> str:
    """Return Helm's error without its messages about the links that it followed."""
    return "\n".join(line for line in message.splitlines() if "level=INFO" not in line)


def _files(directory: Path) -> Iterable[Path]:
    """Return the chart's files, following links as Helm does."""
    return sorted(path for path in directory.rglob("*") if path.is_file())


def _is_deployed(status: Mapping[str, Any]) -> bool:
    return bool(status.get("info", {}).get("status") == "deployed")
