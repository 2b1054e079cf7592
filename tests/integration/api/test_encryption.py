"""The files of docs/operate/install.md: encryption at rest, and the audit policy."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.data.names import ROOT
from support.deadline import until
from support.fixtures.control_planes import ControlPlane

from cloche_api.resources import source
from cloche_cluster.embedded.control_plane import control_plane

_PLACEHOLDER = "REPLACE-WITH-32-RANDOM-BYTES-IN-BASE64"


def documented(first_line: str) -> str:
    """The one file of the document that begins so."""
    text = (ROOT / "docs/operate/install.md").read_text()
    (found,) = re.findall(rf"```yaml\n({re.escape(first_line)}\n.*?)```", text, re.DOTALL)
    return str(found)


def contents(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.rglob("*") if path.is_file())


def test_executions_and_sources_are_encrypted_and_absent_from_the_audit_log(
    tmp_path: Path, execution: Callable[..., dict[str, Any]]
) -> None:
    encryption, audit, log = (tmp_path / name for name in ("encryption", "audit", "log"))
    key = base64.b64encode(os.urandom(32)).decode()
    config = documented("apiVersion: apiserver.config.k8s.io/v1")
    assert _PLACEHOLDER in config
    encryption.write_text(config.replace(_PLACEHOLDER, key))
    everything = "\n  - level: RequestResponse\n"
    audit.write_text(documented("apiVersion: audit.k8s.io/v1").rstrip() + everything)
    flags = [
        f"--encryption-provider-config={encryption}",
        f"--audit-policy-file={audit}",
        f"--audit-log-path={log}",
    ]
    with control_plane(api_server_flags=flags) as running:
        plane = ControlPlane(running.kubeconfig, running.kubectl, running.url)
        for kind in ("executions", "sources"):
            plane.kubectl("apply", "--server-side", "-f", str(ROOT / f"crds/sandbox{kind}.yaml"))
        plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
        plain = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "plain"}}
        until(lambda: _applied(plane, execution(code="print('wanderer')")), "the execution", 30)
        given = source.manifest("two-01", "acme", "r-1", {"execution": "two", "code": "vagabond"})
        until(lambda: _applied(plane, given), "the source", 30)
        plane.apply({**plain, "data": {"text": "passer-by"}})
        stored = contents(running.directory / "etcd")
        assert b"passer-by" in stored
        assert b"k8s:enc:secretbox:v1:key1:" in stored
        assert b"wanderer" not in stored
        assert b"vagabond" not in stored
        found = json.loads(plane.kubectl("get", "sbx/one", "-o", "json"))
        assert found["spec"]["code"] == "print('wanderer')"
        until(lambda: "passer-by" in log.read_text(), "the audit log", 30)
    text = log.read_text()
    assert "sandboxexecutions" in text
    assert "sandboxsources" in text
    assert "wanderer" not in text
    assert "vagabond" not in text


def _applied(plane: ControlPlane, obj: dict[str, Any]) -> bool:
    """Whether it was taken: the kind is served a moment after it is established."""
    done = plane.kubectl.run("create", "-f", "-", stdin=json.dumps(obj))
    return "created" in done.stdout
