"""The control planes that all tests of a run share, including pytest's worker processes.

A separate keeper process runs each of them. The run's first process starts it and holds its stdin;
however that process ends, the keeper reads the end of its input and cleans up. `python -m
support.planes NAME FILE` is the keeper.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from support.deadline import until
from support.helm import ROOT

from cloche_api.meta import API_VERSION
from cloche_cluster.components.build import ensure_binaries
from cloche_cluster.components.pins import component
from cloche_cluster.console import Console
from cloche_cluster.embedded.control_plane import control_plane
from cloche_cluster.embedded.layout import Layout
from cloche_cluster.errors import ClusterError

BARE = "bare"
"""No controllers: Pods, service accounts and their dependents stay as a test created them."""
CONTROLLED = "controlled"
"""With the controller manager, for the tests of the chart: an installation requires it."""

_NEEDED_BY = {
    BARE: ("tests/integration/api/", "tests/integration/gateway/", "tests/integration/operator/"),
    CONTROLLED: ("tests/integration/chart/",),
}
_BUILT_FOR = ("tests/integration/", "tests/unit/chart/")
_PROGRAMS = ("etcd", "kubernetes", "helm")
_START_SECONDS = 120.0
_STOP_SECONDS = 60.0


@dataclass(frozen=True)
class ControlPlane:
    """An API server without nodes, its administrator's kubeconfig, and the matching kubectl."""

    kubeconfig: Path
    kubectl_path: Path
    url: str

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Return kubectl's output; both its outputs if `check` is off."""
        done = subprocess.run(
            [str(self.kubectl_path), f"--kubeconfig={self.kubeconfig}", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr}")
        return done.stdout if check else done.stdout + done.stderr

    def apply(self, *objects: dict[str, object]) -> None:
        """Apply objects as manifests."""
        document = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        self.kubectl("apply", "--server-side", "-f", "-", stdin=document)


class Planes:
    """The control planes of a run. Each is started once, at its first use."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(
            prefix="cloche-planes-",
            ignore_cleanup_errors=True,  # the last keeper may have removed it before
        )
        self.place = Path(self._directory.name)
        self._keepers: dict[str, subprocess.Popen[bytes]] = {}

    def prepare(self, tests: Iterable[str]) -> None:
        """Start what the tests with these ids need; workers would build programs twice."""
        tests = tuple(tests)
        if any(test.startswith(_BUILT_FOR) for test in tests):
            wanted = [component(name) for name in _PROGRAMS]
            ensure_binaries(Layout().cache, Console(), wanted)
        for name, folders in _NEEDED_BY.items():
            if any(test.startswith(folders) for test in tests):
                self.start(name)

    def start(self, name: str) -> None:
        """Start a control plane, unless it is running. Does not wait for it."""
        if name in self._keepers:
            return
        self._keepers[name] = subprocess.Popen(
            [sys.executable, "-m", "support.planes", name, str(_file(self.place, name))],
            stdin=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT / "tests")},
            start_new_session=True,  # Ctrl-C is for the run, which ends it after the tests
        )

    def close(self) -> None:
        """Stop all of them; returns when none is running."""
        for keeper in self._keepers.values():
            assert keeper.stdin is not None
            keeper.stdin.close()
        for keeper in self._keepers.values():
            keeper.wait(_STOP_SECONDS)
        self._directory.cleanup()


def shared(place: Path, name: str) -> ControlPlane:
    """Wait for a control plane of the run with this `Planes.place`."""
    path = _file(place, name)
    until(path.exists, _START_SECONDS, f"the control plane {name!r}")
    result = json.loads(path.read_text(encoding="utf-8"))
    assert "error" not in result, result["error"]
    return ControlPlane(Path(result["kubeconfig"]), Path(result["kubectl_path"]), result["url"])


def _file(place: Path, name: str) -> Path:
    return place / f"{name}.json"


def _keep(name: str, path: Path) -> None:
    """Run the control plane with Cloche's CRDs until the end of the input."""
    with control_plane(controllers=name == CONTROLLED) as running:
        plane = ControlPlane(running.kubeconfig, running.kubectl, running.url)
        plane.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
        # The API server answers 429, which kubectl retries, until a kind's storage is ready.
        for crd in (ROOT / "crds").glob("*.yaml"):
            plane.kubectl("get", "--raw", f"/apis/{API_VERSION}/{crd.stem}?limit=1")
        _write(path, {key: str(value) for key, value in asdict(plane).items()})
        sys.stdin.read()
    path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # the run has ended without removing it
        path.parent.rmdir()


def _write(path: Path, result: dict[str, str]) -> None:
    """Write the file atomically, because other processes wait for it."""
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(result), encoding="utf-8")
    unfinished.rename(path)


if __name__ == "__main__":
    wanted, result_file = sys.argv[1], Path(sys.argv[2])
    try:
        _keep(wanted, result_file)
    except (AssertionError, ClusterError, OSError, subprocess.SubprocessError) as error:
        _write(result_file, {"error": f"the control plane {wanted!r}: {error}"})
