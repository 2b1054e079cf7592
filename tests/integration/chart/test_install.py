"""The chart on a real API server: dry run, install, upgrade, uninstall, install again."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from pathlib import Path

import pytest
from support.clients.helm import helm
from support.data.names import CHART
from support.deadline import until
from support.fixtures.chart.release import ChartRelease

from cloche_api.keys import ApiKeyRecord, hash_key

EVERYTHING = (
    "networkPolicy.enabled=true",
    "gateway.ingress.enabled=true",
    'gateway.ingress.className="nginx"',
    'gateway.ingress.hosts=["run.example.com"]',
    'gateway.ingress.tls=[{"secretName":"tls","hosts":["run.example.com"]}]',
    'gateway.service={"type":"NodePort","nodePort":30802}',
    'priorityClasses.system={"create":true,"name":"cloche-system","value":1000000}',
    'priorityClasses.sandbox={"create":true,"name":"cloche-sandboxes","value":-1}',
    'runtimes.overrides={"python":{"pool":{"size":3},"nodeSelector":{"pool":"sandbox"}}}',
)


def pods_of(cluster: ChartRelease, component: str) -> list[str]:
    """Names of a program's Pods."""
    selector = f"app.kubernetes.io/component={component}"
    return cluster("get", "pods", "-n", cluster.system, "-l", selector, "-o", "name").split()


def test_the_api_server_accepts_the_chart_with_every_option_enabled(cluster: ChartRelease) -> None:
    values = [word for one in EVERYTHING for word in ("--set-json", one)]
    values += ["--set", f"sandbox.namespace={cluster.sandboxes}"]
    # Without the Pod of `helm test`, whose service account a dry run does not create.
    args = ("-n", cluster.system, "--skip-tests", *values)
    done = helm("template", "cloche", str(CHART), *args)
    assert done.returncode == 0, done.stderr
    cluster("create", "namespace", cluster.sandboxes)
    label = f"cloche.dev/installation={cluster.system}"
    cluster("label", "namespace", cluster.sandboxes, label)
    # A dry run validates against what is there: a strict look at every field.
    cluster(
        "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-",
        stdin=done.stdout,
    )  # fmt: skip
    cluster("delete", "namespace", cluster.sandboxes)


@pytest.mark.parametrize("name", ["y", "true", "123", "1e3"])
def test_a_release_may_have_a_name_that_yaml_reads_as_another_type(
    cluster: ChartRelease, name: str
) -> None:
    done = helm(
        "install", name, str(CHART), "-n", cluster.system, "--dry-run=server", "--skip-crds",
        "--set", f"sandbox.namespace={cluster.sandboxes}", kubeconfig=cluster.kubeconfig,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def release(installed: ChartRelease) -> ChartRelease:
    """The installation with two API keys in it, put there as others do."""
    record = json.dumps({"sha256": "0" * 64, "tenant": "t", "createdAt": "2026-01-01T00:00:00Z"})
    patch = json.dumps({"stringData": {"by-patch": record}})
    installed(
        "patch", "secret", "cloche-api-keys", "-n", installed.system, "--type=merge", "-p", patch
    )
    applied = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "cloche-api-keys", "namespace": installed.system},
        "data": {"by-apply": base64.b64encode(record.encode()).decode()},
    }
    installed(
        "apply", "--server-side", "--field-manager=keys", "-f", "-", stdin=json.dumps(applied)
    )
    return installed


def keys(cluster: ChartRelease) -> set[str]:
    """Names of the API keys."""
    return set(
        cluster.json("get", "secret", "cloche-api-keys", "-n", cluster.system).get("data", {})
    )


def test_gateway_and_operator_pods_pass_restricted_pod_security(release: ChartRelease) -> None:
    until(lambda: pods_of(release, "gateway"), "the gateway's Pod", 30)
    until(lambda: pods_of(release, "operator"), "the operator's Pod", 30)


@pytest.mark.parametrize(
    "how", [(), ("--server-side=false",), ("--server-side=true", "--force-conflicts")]
)
def test_an_upgrade_keeps_the_api_keys(release: ChartRelease, how: tuple[str, ...]) -> None:
    release.upgrade("--set", f"sandbox.quota.pods={100 + len(how)}", *how)
    assert keys(release) == {"by-patch", "by-apply"}


def test_an_upgrade_that_changes_no_setting_restarts_nothing(release: ChartRelease) -> None:
    def generation(program: str) -> int:
        found = release.json("get", "deployment", f"cloche-{program}", "-n", release.system)
        return int(found["metadata"]["generation"])

    release.upgrade()
    before = generation("gateway"), generation("operator")
    release.upgrade("--set", "sandbox.quota.pods=77")
    assert (generation("gateway"), generation("operator")) == before
    release.upgrade("--set", "sandbox.capacityShare=0.5")
    assert (generation("gateway"), generation("operator")) == (before[0], before[1] + 1)


def test_an_upgrade_with_force_conflicts_overrides_changes_of_other_clients(
    release: ChartRelease,
) -> None:
    release("scale", "deployment/cloche-gateway", "-n", release.system, "--replicas=0")
    size = '{"spec":{"pool":{"size":9}}}'
    release("patch", "sbr/python", "-n", release.sandboxes, "--type=merge", "-p", size)
    release.upgrade("--force-conflicts")
    found = release.json("get", "deployment", "cloche-gateway", "-n", release.system)
    assert found["spec"]["replicas"] == 1
    assert release.json("get", "sbr/python", "-n", release.sandboxes)["spec"]["pool"]["size"] == 2


def test_an_existing_sandbox_namespace_must_enforce_restricted_pod_security(
    release: ChartRelease,
) -> None:
    loose = f"{release.system}-loose"
    release("create", "namespace", loose)
    words = release.second_in(loose)
    command = f"kubectl label namespace {loose} pod-security.kubernetes.io/enforce=restricted"
    assert command in words


def test_a_second_installation_must_have_a_sandbox_namespace_of_its_own(
    release: ChartRelease,
) -> None:
    other = f"{release.system}-other"
    done = helm(
        "install", "cloche", str(CHART), "-n", other, "--dry-run=server", "--skip-crds",
        "--set", f"sandbox.namespace={release.sandboxes}", kubeconfig=release.kubeconfig,
    )  # fmt: skip
    assert done.returncode != 0
    assert f'belongs to the Cloche installation in the namespace "{release.system}"' in done.stderr


def test_uninstalling_keeps_records_and_keys_and_lists_what_it_keeps(release: ChartRelease) -> None:
    assert release.try_execution("kept").returncode == 0
    words = release.helm("uninstall", "cloche")
    for kept in (f"[Namespace] {release.sandboxes}", "[Secret] cloche-api-keys", "[NetworkPolicy]"):
        assert kept in words
    assert release.json("get", "sbx/kept", "-n", release.sandboxes)["spec"]["code"] == "print(1)"
    assert keys(release) == {"by-patch", "by-apply"}
    assert "cloche-deny-all" in release("get", "networkpolicy", "-n", release.sandboxes)
    assert release.run("get", "deployment", "cloche-gateway", "-n", release.system).returncode != 0

    release.upgrade()
    assert keys(release) == {"by-patch", "by-apply"}
    assert release.json("get", "sbx/kept", "-n", release.sandboxes)["spec"]["code"] == "print(1)"


def test_the_commands_in_the_notes_create_an_api_key(release: ChartRelease, tmp_path: Path) -> None:
    lines = [line.strip() for line in release.helm("get", "notes", "cloche").splitlines()]
    first = next(i for i, line in enumerate(lines) if line.startswith("export CLOCHE_API_KEY="))
    end = lines.index("", first)
    (tmp_path / "kubectl").symlink_to(release.program)
    done = subprocess.run(
        ["bash", "-ec", "\n".join([*lines[first:end], "printf %s $CLOCHE_API_KEY >key"])],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "KUBECONFIG": str(release.kubeconfig)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    key = (tmp_path / "key").read_text()
    stored = release.json("get", "secret", "cloche-api-keys", "-n", release.system)["data"]["me"]
    record = ApiKeyRecord.model_validate_json(base64.b64decode(stored))
    assert re.fullmatch(r"clk_[A-Za-z0-9_-]{43}", key)
    assert (record.sha256, record.tenant) == (hash_key(key), "me")
