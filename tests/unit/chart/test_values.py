"""The values that values.schema.json rejects, with an error that names the value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from support.clients.helm import has_value, helm, refusal, template
from support.data.names import CHART

REFUSED = {
    "operator.replicas=-1": "/operator/replicas",
    "operator.replicas=11": "/operator/replicas",
    "gateway.replicas=-1": "/gateway/replicas",
    "gateway.replicsa=1": "replicsa",
    'gateway.service.type="ExternalName"': "/gateway/service/type",
    "gateway.service.nodePort=8002": "/gateway/service/nodePort",
    "gateway.ingress.enabled=true": "/gateway/ingress/hosts",
    'gateway.log.level="loud"': "/gateway/log/level",
    "gateway.dialects.mcp.enabled=1": "/gateway/dialects/mcp/enabled",
    "gateway.dialects.pistn={}": "pistn",
    'gateway.dialects.dify.keyless="a"': "keyless",
    'gateway.dialects.mcp.keyless="a"': "keyless",
    'gateway.dialects.jobe.keyless="Upper"': "/gateway/dialects/jobe/keyless",
    "gateway.dialects.dify.timeoutSeconds=301": "/gateway/dialects/dify/timeoutSeconds",
    'gateway.dialects.piston.anyVersion="yes"': "/gateway/dialects/piston/anyVersion",
    'gateway.playground.embedOrigins=["*"]': "/gateway/playground/embedOrigins/0",
    "gateway.terminationGracePeriodSeconds=5": "/gateway/terminationGracePeriodSeconds",
    'gateway.resources={"limit":{}}': "limit",
    "sandbox.capacityShare=0": "/sandbox/capacityShare",
    "sandbox.capacityShare=60": "/sandbox/capacityShare",
    'sandbox.capacityShare="0.0"': "/sandbox/capacityShare",
    'sandbox.requests.memory="64 MB"': "/sandbox/requests/memory",
    'sandbox.namespace="Cloche_Sandboxes"': "/sandbox/namespace",
    "sandbox.cpuOvercommit=0": "/sandbox/cpuOvercommit",
    "sandbox.tenantShare=1.5": "/sandbox/tenantShare",
    "sandbox.sessionShare=0": "/sandbox/sessionShare",
    'sandbox.reserveMemory="yes"': "/sandbox/reserveMemory",
    "sandbox.node.processes=-1": "/sandbox/node/processes",
    "sandbox.node.openFiles=1.5": "/sandbox/node/openFiles",
    "sandbox.queue.length=0": "/sandbox/queue/length",
    "sandbox.queue.lengthPerTenant=0": "/sandbox/queue/lengthPerTenant",
    "sandbox.queue.lengthPerSession=0": "/sandbox/queue/lengthPerSession",
    "sandbox.queue.bytes=10": "/sandbox/queue/bytes",
    "sandbox.queue.bytesPerTenant=10": "/sandbox/queue/bytesPerTenant",
    "sandbox.queue.timeoutSeconds=0": "/sandbox/queue/timeoutSeconds",
    'sandbox.retention.bytes="512Mi"': "/sandbox/retention/bytes",
    "sandbox.retention.bytes=10": "/sandbox/retention/bytes",
    "sandbox.retention.executions=0": "/sandbox/retention/executions",
    "sandbox.writes.bytes=1048576": "/sandbox/writes/bytes",
    'sandbox.writes.bytesPerTenant="1Gi"': "/sandbox/writes/bytesPerTenant",
    "sandbox.retention.hardBytes=536870912": "sandbox.retention.hardBytes: must be more than",
    "sandbox.startConcurrency=0": "/sandbox/startConcurrency",
    'sandbox.userNamespaces="yes"': "/sandbox/userNamespaces",
    'sandbox.appArmorProfile="Unconfined"': "/sandbox/appArmorProfile",
    'sandbox.appArmorProfile="localhost/"': "/sandbox/appArmorProfile",
    'sandbox.tolerations=[{"effect":"NoRun"}]': "/sandbox/tolerations/0/effect",
    'sandbox.nodeSelector={"pool":1}': "/sandbox/nodeSelector/pool",
    "sandbox.quota.pods=0": "/sandbox/quota/pods",
    'image.registry="https://registry.example.com"': "/image/registry",
    'image.tag="not a tag"': "/image/tag",
    'image.pullPolicy="Sometimes"': "/image/pullPolicy",
    'image.references={"gateway":"untagged"}': "/image/references/gateway",
    'runtimes.overrides={"python":{"image":"x:y"}}': "image",
    'runtimes.overrides={"python":{"pool":{"size":-1}}}': "/pool/size",
    'priorityClasses.system={"create":true,"name":""}': "/priorityClasses/system/name",
    "networkPolicy.apiServer.ports=[0]": "/networkPolicy/apiServer/ports/0",
    "networkPolicy.dnsPorts=[]": "/networkPolicy/dnsPorts",
    'serviceMonitor.interval="often"': "/serviceMonitor/interval",
    "sandboxes={}": "sandboxes",
}


@pytest.mark.parametrize(("sets", "named"), REFUSED.items())
def test_an_invalid_value_is_rejected_and_named(sets: str, named: str) -> None:
    words = refusal(sets)
    assert named.strip("/").replace("/", ".") in words.replace("/", "."), words


OTHER_CHARTS = {
    'imagePullSecrets=["a"]': "imagePullSecrets: this chart has no such value; use image.pull",
    'nameOverride="a"': "nameOverride: this chart has no such value",
    "replicaCount=2": "replicaCount: this chart has no such value; use gateway.replicas",
    "ingress.enabled=true": "ingress: this chart has no such value; use gateway.ingress",
    'image.repository="a"': "image.repository: this chart has no such value; use image.registry",
    'gateway.extraEnv=[{"name":"A"}]': "gateway.extraEnv: this chart has no such value",
    "operator.replicaCount=1": "use operator.replicas",
}


@pytest.mark.parametrize(("sets", "words"), OTHER_CHARTS.items())
def test_the_usual_name_of_another_chart_is_answered_with_the_name_here(
    sets: str, words: str
) -> None:
    assert words in refusal(sets)


def test_the_names_that_replace_others_exist() -> None:
    text = (CHART / "templates" / "_checks.tpl").read_text()
    names = text.partition('define "cloche.checks.names"')[2].partition("{{- $others")[0]
    hints = re.findall(r'^  "\w+" "([^"]+)"', names, re.MULTILINE)
    paths = {path for hint in hints for path in re.findall(r"\w+(?:\.\w+)+|valkey", hint)}
    assert len(paths) > 15
    assert [path for path in paths if not has_value(path)] == []


def leaves(values: dict[str, Any], *path: str) -> Iterator[tuple[str, ...]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, *path, name)
        else:
            yield (*path, name)


def test_each_value_is_used_by_a_template() -> None:
    templates = "\n".join(
        path.read_text() for path in (CHART / "templates").rglob("*") if path.is_file()
    )
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    unused = {
        ".".join(path)
        for path in leaves(values)
        if not re.search(rf"[.\"]{re.escape(path[-1])}\b", templates)
    }
    assert unused == {"sandbox.limitRange.max.ephemeral-storage"}  # with the map that has it


def test_a_refusal_is_not_attributed_to_an_unrelated_template() -> None:
    assert "templates/check-values.yaml" in refusal('runtimes.disabled=["cobol"]')


@pytest.mark.parametrize("share", ["0.5", "1", '"0.5"', '".05"', '"1.0"'])
def test_a_share_can_be_a_number_or_a_string(share: str) -> None:
    assert template(f"sandbox.capacityShare={share}").returncode == 0


def test_an_older_kubernetes_is_rejected() -> None:
    done = template(kube_version="1.31.9")
    assert done.returncode != 0
    assert "1.32" in done.stderr


def test_helm_lint_reports_nothing() -> None:
    done = helm("lint", "--strict", "--quiet", str(CHART))
    assert done.returncode == 0, done.stdout
    assert done.stdout.strip() == ""
