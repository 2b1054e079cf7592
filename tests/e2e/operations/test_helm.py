"""`helm test` on the installation."""

from __future__ import annotations

from pathlib import Path

from support.clients.helm import helm
from support.clients.kubectl import InstallationKubectl
from support.data.names import SANDBOXES, SYSTEM
from support.fixtures.installation import Installation


def test_helm_test_runs_a_program_and_leaves_nothing(
    installation: Installation, kubectl: InstallationKubectl
) -> None:
    keys = kubectl.json("get", "secret", "cloche-api-keys", "-n", SYSTEM)["data"].keys()
    done = helm("test", "cloche", "-n", SYSTEM, kubeconfig=Path(installation.kubeconfig))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Phase:          Succeeded" in done.stdout

    kinds = "pod,serviceaccount,role,rolebinding"
    left = kubectl("get", kinds, "-n", SYSTEM, "-o", "name").split()
    assert [name for name in left if name.endswith("/cloche-test")] == []
    assert kubectl.json("get", "secret", "cloche-api-keys", "-n", SYSTEM)["data"].keys() == keys
    sent = ("get", "sbx", "-n", SANDBOXES, "-l", "cloche.dev/tenant=helm-test", "-o", "name")
    assert kubectl(*sent) == ""
