"""Service, Ingress, disruption budgets, network policies and monitors."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

from support.clients.helm import helm, kinds, rendered, the
from support.data.names import CHART, ROOT, SYSTEM

INGRESS = (
    'gateway.ingress={"enabled":true,"className":"nginx","annotations":{"a":"b"},'
    '"hosts":["run.example.com"],"tls":[{"secretName":"tls","hosts":["run.example.com"]}]}'
)


def test_the_service_is_a_cluster_ip_by_default() -> None:
    spec = the("Service", "cloche-gateway")["spec"]
    assert spec["type"] == "ClusterIP"
    assert spec["ports"] == [{"name": "http", "port": 8002, "targetPort": "http"}]


def test_the_service_can_have_a_fixed_node_port() -> None:
    spec = the(
        "Service",
        "cloche-gateway",
        'gateway.service={"type":"NodePort","nodePort":30802}',
    )["spec"]
    assert spec["type"] == "NodePort"
    assert spec["ports"][0]["nodePort"] == 30802


def test_the_ingress_has_tls_and_only_the_public_paths() -> None:
    assert kinds("Ingress") == {}
    ingress = the("Ingress", "cloche-gateway", INGRESS)
    assert ingress["metadata"]["annotations"] == {"a": "b"}
    assert ingress["spec"]["ingressClassName"] == "nginx"
    assert ingress["spec"]["tls"] == [{"secretName": "tls", "hosts": ["run.example.com"]}]
    (rule,) = ingress["spec"]["rules"]
    assert rule["host"] == "run.example.com"
    paths = {path["path"]: path["pathType"] for path in rule["http"]["paths"]}
    assert paths.pop("/") == "Exact"
    public = ("/api", "/health", "/docs", "/openapi.json", "/play", "/mcp")
    assert paths == dict.fromkeys(public, "Prefix")
    for path in rule["http"]["paths"]:
        assert path["backend"]["service"] == {"name": "cloche-gateway", "port": {"name": "http"}}


def test_the_ingress_has_no_path_of_a_playground_that_is_off() -> None:
    ingress = the("Ingress", "cloche-gateway", INGRESS, "gateway.playground.enabled=false")
    (rule,) = ingress["spec"]["rules"]
    assert "/play" not in {path["path"] for path in rule["http"]["paths"]}


def test_a_disruption_budget_allows_one_unavailable_pod_of_a_program() -> None:
    budgets = kinds("PodDisruptionBudget")
    assert set(budgets) == {"cloche-gateway", "cloche-operator"}
    assert all(budget["spec"]["maxUnavailable"] == 1 for budget in budgets.values())
    less = kinds("PodDisruptionBudget", "operator.podDisruptionBudget.enabled=false")
    assert set(less) == {"cloche-gateway"}


def test_service_monitor_and_priority_classes_are_optional() -> None:
    assert kinds("ServiceMonitor") == kinds("PriorityClass") == {}
    monitor = the("ServiceMonitor", "cloche", 'serviceMonitor={"enabled":true,"labels":{"r":"p"}}')
    assert monitor["metadata"]["labels"]["r"] == "p"
    (endpoint,) = monitor["spec"]["endpoints"]
    assert (endpoint["port"], endpoint["path"]) == ("http", "/metrics")
    both = kinds(
        "PriorityClass",
        'priorityClasses.system={"create":true,"name":"high"}',
        'priorityClasses.sandbox={"create":true,"name":"low"}',
    )
    assert both["high"]["value"] == 1000000
    assert (both["low"]["value"], both["low"]["preemptionPolicy"]) == (-1, "Never")


def test_the_network_policies_of_the_programs_allow_only_the_needed_ports() -> None:
    assert set(kinds("NetworkPolicy", "networkPolicy.enabled=false")) == {"cloche-deny-all"}
    policies = kinds("NetworkPolicy")
    programs = {f"cloche-{name}" for name in ("gateway", "operator", "test")}
    assert set(policies) == {"cloche-deny-all"} | programs
    gateway = policies["cloche-gateway"]["spec"]
    assert gateway["ingress"] == [{"ports": [{"protocol": "TCP", "port": "http"}]}]
    operator = policies["cloche-operator"]["spec"]
    assert operator["ingress"][0]["from"] == [{"podSelector": {}}]
    for spec in (gateway, operator):
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        ports = {port["port"] for rule in spec["egress"] for port in rule["ports"]}
        assert ports == {53, 5353, 443, 6443, 8443, 16443}


def selector(component: str) -> dict[str, dict[str, dict[str, str]]]:
    """The NetworkPolicyPeer of a program's Pods."""
    labels = {"name": "cloche", "instance": "cloche", "component": component}
    return {
        "podSelector": {"matchLabels": {f"app.kubernetes.io/{k}": v for k, v in labels.items()}}
    }


def test_the_pod_of_helm_test_reaches_gateway_operator_and_api_server() -> None:
    spec = the("NetworkPolicy", "cloche-test")["spec"]
    assert {"podSelector": spec["podSelector"]} == selector("test")
    labels = the("Pod", "cloche-test")["metadata"]["labels"].items()
    assert spec["podSelector"]["matchLabels"].items() <= labels
    assert "ingress" not in spec
    assert spec["egress"][-1] == {
        "ports": [{"protocol": "TCP", "port": "http"}],
        "to": [selector("gateway"), selector("operator")],
    }
    api = the("NetworkPolicy", "cloche-operator")["spec"]["egress"]
    assert spec["egress"][:-1] == api


def test_the_allowed_clients_of_the_programs_can_be_set() -> None:
    monitoring = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "m"}}}
    peers = json.dumps([monitoring])
    sets = (f"networkPolicy.metricsFrom={peers}", f"networkPolicy.gatewayFrom={peers}")
    for program in ("gateway", "operator"):
        (rule,) = the("NetworkPolicy", f"cloche-{program}", *sets)["spec"]["ingress"]
        assert rule["from"] == [monitoring, selector("test")]


def test_the_address_of_the_api_server_in_network_policies_can_be_set() -> None:
    sets = ('networkPolicy.apiServer={"cidrs":["10.0.0.1/32"],"ports":[16643]}',)
    for program in ("gateway", "operator"):
        rules = the("NetworkPolicy", f"cloche-{program}", *sets)["spec"]["egress"]
        assert rules[1] == {
            "ports": [{"protocol": "TCP", "port": 16643}],
            "to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}],
        }


def test_helm_test_runs_the_chart_s_check() -> None:
    pod = the("Pod", "cloche-test")
    (container,) = pod["spec"]["containers"]
    script, *arguments = container["args"]
    assert script == (CHART / "files" / "helm_test.py").read_text()
    gateway, operator = (
        f"http://cloche-gateway.{SYSTEM}.svc:8002",
        f"cloche-operator.{SYSTEM}.svc:8080",
    )
    assert arguments == [gateway, operator, SYSTEM]
    assert pod["spec"]["serviceAccountName"] == "cloche-test"
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_helm_test_creates_its_rights_before_its_pod_and_deletes_them() -> None:
    weights = {}
    for kind in ("ServiceAccount", "Role", "RoleBinding", "Pod"):
        annotations = the(kind, "cloche-test")["metadata"]["annotations"]
        assert annotations["helm.sh/hook"] == "test"
        assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"
        weights[kind] = int(annotations["helm.sh/hook-weight"])
    assert list(weights) == sorted(weights, key=lambda kind: weights[kind])


def test_the_chart_uses_only_its_own_images() -> None:
    images = {
        container["image"].split(":")[0]
        for one in rendered()
        if one["kind"] in {"Deployment", "Pod"}
        for spec in (one["spec"].get("template", one)["spec"],)
        for container in spec["containers"]
    }
    assert images == {"cloche/gateway", "cloche/operator"}


def test_a_packaged_chart_contains_the_files_instead_of_links(tmp_path: Path) -> None:
    done = helm("package", str(CHART), "--destination", str(tmp_path))
    assert done.returncode == 0, done.stderr
    (package,) = tmp_path.glob("*.tgz")
    with tarfile.open(package) as archive:
        members = {member.name: member for member in archive.getmembers()}
        assert all(member.isfile() for member in members.values())
        for source in ROOT.glob("crds/*.yaml"):
            packed = archive.extractfile(members[f"cloche/crds/{source.name}"])
            assert packed is not None
            assert packed.read() == source.read_bytes()
    assert {"cloche/README.md", "cloche/files/helm_test.py"} <= set(members)
    runtimes = {name for name in members if name.startswith("cloche/runtimes/")}
    assert runtimes == {
        f"cloche/runtimes/{path.parent.name}.yaml" for path in ROOT.glob("runtimes/*/runtime.yaml")
    }
