"""The Deployments of the gateway and the operator."""

from __future__ import annotations

from typing import Any

import pytest
from support.clients.helm import Manifest, the
from support.data.names import SANDBOXES, SYSTEM

from cloche_gateway.settings import Settings as GatewaySettings
from cloche_operator.settings import Settings as OperatorSettings

PROGRAMS = ("gateway", "operator")


def pod(program: str, *sets: str) -> Manifest:
    spec: Manifest = the("Deployment", f"cloche-{program}", *sets)["spec"]["template"]
    return spec


def container(program: str, *sets: str) -> Manifest:
    (only,) = pod(program, *sets)["spec"]["containers"]
    found: Manifest = only
    return found


def env(program: str, *sets: str) -> dict[str, str]:
    found = container(program, *sets)["env"]
    return {one["name"]: one["value"] for one in found if "value" in one}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_meets_restricted_pod_security(program: str) -> None:
    spec = pod(program)["spec"]
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container(program)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "volumes" not in spec
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()


@pytest.mark.parametrize("program", PROGRAMS)
def test_only_the_programs_own_pods_get_its_token(program: str) -> None:
    account = the("ServiceAccount", f"cloche-{program}")
    assert account["automountServiceAccountToken"] is False
    spec = pod(program)["spec"]
    assert spec["serviceAccountName"] == f"cloche-{program}"
    assert spec["automountServiceAccountToken"] is True


@pytest.mark.parametrize("program", PROGRAMS)
def test_service_links_are_disabled(program: str) -> None:
    assert pod(program)["spec"]["enableServiceLinks"] is False


def test_two_operator_replicas_are_spread_over_nodes() -> None:
    spec = the("Deployment", "cloche-operator")["spec"]
    assert spec["replicas"] == 2
    (spread,) = pod("operator")["spec"]["topologySpreadConstraints"]
    assert spread["whenUnsatisfiable"] == "ScheduleAnyway"
    assert spread["topologyKey"] == "kubernetes.io/hostname"
    selected = spread["labelSelector"]["matchLabels"].items()
    assert selected <= pod("operator")["metadata"]["labels"].items()


def test_the_operators_identity_is_its_pods_name() -> None:
    (identity,) = (one for one in container("operator")["env"] if "fieldRef" in _source_of(one))
    assert identity == {
        "name": "CLOCHE_OPERATOR_IDENTITY",
        "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}},
    }
    assert "identity" in OperatorSettings.model_fields


def test_the_operator_receives_its_memory_limit() -> None:
    (memory,) = (one for one in container("operator")["env"] if "resource" in str(_source_of(one)))
    assert memory == {
        "name": "CLOCHE_OPERATOR_MEMORY_BYTES",
        "valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}},
    }
    assert "memory_bytes" in OperatorSettings.model_fields
    unlimited = container("operator", 'operator.resources.limits={"cpu":"1","memory":null}')["env"]
    assert not any("resource" in str(_source_of(one)) for one in unlimited)


def _source_of(variable: dict[str, Any]) -> dict[str, Any]:
    source: dict[str, Any] = variable.get("valueFrom", {})
    return source


def test_the_operators_lease_is_the_one_its_role_allows() -> None:
    settings = settings_from(OperatorSettings, "CLOCHE_OPERATOR_", "operator")
    role = the("Role", "cloche-operator", namespace=settings.lease_namespace)
    names = [name for rule in role["rules"] for name in rule.get("resourceNames", ())]
    assert names == [settings.lease_name]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_rollout_starts_a_new_pod_before_it_stops_the_old_one(program: str) -> None:
    strategy = the("Deployment", f"cloche-{program}")["spec"]["strategy"]
    assert strategy == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
    }


@pytest.mark.parametrize(
    ("program", "probe", "path"),
    [
        ("gateway", "livenessProbe", "/health/live"),
        ("gateway", "readinessProbe", "/health/ready"),
        ("operator", "livenessProbe", "/healthz"),
        ("operator", "readinessProbe", "/readyz"),
    ],
)
def test_a_probe_uses_the_programs_health_path(program: str, probe: str, path: str) -> None:
    assert container(program)[probe]["httpGet"] == {"path": path, "port": "http"}


@pytest.mark.parametrize(("program", "port"), [("gateway", 8002), ("operator", 8080)])
def test_a_program_has_one_named_http_port(program: str, port: int) -> None:
    assert container(program)["ports"] == [{"name": "http", "containerPort": port}]


def settings_from(model: type[Any], prefix: str, program: str, *sets: str) -> Any:
    """The settings as the program itself reads what the chart sets, nothing else around."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in env(program, *sets).items():
            assert name.startswith(prefix)
            assert name.removeprefix(prefix).lower() in model.model_fields, name
            patch.setenv(name, value)
        return model()


def test_the_gateway_reads_the_settings_of_the_chart() -> None:
    settings = settings_from(GatewaySettings, "CLOCHE_GATEWAY_", "gateway")
    assert (settings.namespace, settings.keys_namespace) == (SANDBOXES, SYSTEM)
    assert settings.port == 8002
    assert settings.queue_timeout_seconds == 60
    assert settings.wait_margin_seconds == 75
    assert settings.drain_seconds == 435
    assert (settings.log_format, settings.log_level) == ("json", "info")


def test_the_gateway_receives_its_memory_limit_and_cors_origins() -> None:
    (limit,) = [
        one
        for one in container("gateway")["env"]
        if one["name"] == "CLOCHE_GATEWAY_MEMORY_LIMIT_MIB"
    ]
    assert limit["valueFrom"]["resourceFieldRef"] == {
        "containerName": "gateway",
        "resource": "limits.memory",
        "divisor": "1Mi",
    }
    plain = settings_from(GatewaySettings, "CLOCHE_GATEWAY_", "gateway")
    assert (plain.cors_origins, plain.memory_tenant_share) == ((), 0.5)
    assert plain.followed_logs_per_node == 40
    origins = 'gateway.cors.origins=["https://a.example.com","http://localhost:3000"]'
    pages = settings_from(GatewaySettings, "CLOCHE_GATEWAY_", "gateway", origins)
    assert pages.cors_origins == ("https://a.example.com", "http://localhost:3000")


def test_the_gateway_receives_whether_and_where_the_playground_is_shown() -> None:
    plain = settings_from(GatewaySettings, "CLOCHE_GATEWAY_", "gateway")
    assert (plain.playground, plain.playground_origins) == (True, ())
    values = 'gateway.playground={"enabled":false,"embedOrigins":["https://a.example.com"]}'
    changed = settings_from(GatewaySettings, "CLOCHE_GATEWAY_", "gateway", values)
    assert (changed.playground, changed.playground_origins) == (False, ("https://a.example.com",))


def test_the_operator_reads_the_settings_of_the_chart() -> None:
    settings = settings_from(OperatorSettings, "CLOCHE_OPERATOR_", "operator")
    assert (settings.namespace, settings.lease_namespace) == (SANDBOXES, SYSTEM)
    assert settings.runtime_class_name == ""
    assert settings.user_namespaces is False
    assert settings.app_armor_profile == ""
    assert (settings.pod_request_cpu, settings.pod_request_memory) == ("10m", "64Mi")
    assert settings.capacity_share == 0.6
    assert (settings.queue_length, settings.queue_timeout_seconds) == (1000, 60)
    assert (settings.start_timeout_seconds, settings.start_concurrency) == (60, 4)
    assert settings.retention_executions == 20_000
    assert settings.retention_bytes == 512 * 1024 * 1024
    assert settings.retention_bytes_per_tenant == 128 * 1024 * 1024
    assert settings.write_bytes == 640 * 1024 * 1024
    assert settings.write_bytes_per_tenant == 256 * 1024 * 1024
    assert settings.storage_hard_bytes == 1024 * 1024 * 1024
    assert (settings.node_selector, settings.tolerations) == ({}, [])
    assert (settings.priority_class_name, settings.image_pull_secrets) == ("", [])
    assert settings.http_port == 8080
    assert settings.log_level == "info"


def test_the_operator_reads_each_setting_that_values_can_change() -> None:
    toleration = '{"key":"sandbox","operator":"Exists","effect":"NoSchedule"}'
    settings = settings_from(
        OperatorSettings,
        "CLOCHE_OPERATOR_",
        "operator",
        'sandbox.runtimeClassName="cloche-no-network"',
        "sandbox.userNamespaces=true",
        "sandbox.reserveMemory=true",
        "sandbox.node.openFiles=1000000",
        'sandbox.appArmorProfile="localhost/sandbox"',
        'sandbox.nodeSelector={"pool":"sandbox"}',
        f"sandbox.tolerations=[{toleration}]",
        'sandbox.imagePullSecrets=["registry"]',
        'priorityClasses.sandbox={"create":true,"name":"sandboxes","value":-1}',
        'operator.log={"format":"text","level":"debug"}',
        'sandbox.users={"first":30000,"last":30999}',
    )
    assert settings.users == range(30_000, 31_000)
    assert settings.runtime_class_name == "cloche-no-network"
    assert settings.user_namespaces is True
    assert settings.reserve_memory is True
    assert settings.node_open_files == 1_000_000
    assert settings.app_armor_profile == "localhost/sandbox"
    assert settings.node_selector == {"pool": "sandbox"}
    assert settings.tolerations == [
        {"key": "sandbox", "operator": "Exists", "effect": "NoSchedule"}
    ]
    assert settings.image_pull_secrets == ["registry"]
    assert settings.priority_class_name == "sandboxes"
    assert (settings.log_format, settings.log_level) == ("text", "debug")


def test_the_charts_defaults_are_the_operators_defaults() -> None:
    by_chart = settings_from(OperatorSettings, "CLOCHE_OPERATOR_", "operator").model_dump()
    own = OperatorSettings().model_dump()
    assert {name for name, value in own.items() if value != by_chart[name]} == {"lease_namespace"}


def test_the_gateways_wait_covers_the_operators_timeouts() -> None:
    slow = ("sandbox.queue.timeoutSeconds=300", "sandbox.startTimeoutSeconds=120")
    gateway = settings_from(GatewaySettings, "CLOCHE_GATEWAY_", "gateway", *slow)
    assert gateway.queue_timeout_seconds == 300
    assert gateway.wait_margin_seconds == 135


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_upgrade_that_changes_no_setting_restarts_nothing(program: str) -> None:
    labels = pod(program)["metadata"]["labels"]
    assert labels == {
        "app.kubernetes.io/name": "cloche",
        "app.kubernetes.io/instance": "cloche",
        "app.kubernetes.io/component": program,
    }
    assert "annotations" not in pod(program)["metadata"]
    elsewhere = (
        'serviceMonitor={"enabled":true}',
        "sandbox.quota.pods=7",
        'runtimes.disabled=["bash"]',
    )
    assert pod(program, *elsewhere) == pod(program)


def test_placement_and_priority_values_are_set_on_the_pods() -> None:
    spec = pod(
        "operator",
        'operator.nodeSelector={"pool":"system"}',
        'operator.tolerations=[{"key":"system","operator":"Exists"}]',
        'operator.affinity={"nodeAffinity":{}}',
        'priorityClasses.system={"create":true,"name":"cloche-system","value":1000000}',
        'image.pullSecrets=["registry"]',
        'image.registry="registry.example.com"',
    )["spec"]
    assert spec["nodeSelector"] == {"pool": "system"}
    assert spec["tolerations"] == [{"key": "system", "operator": "Exists"}]
    assert spec["affinity"] == {"nodeAffinity": {}}
    assert spec["priorityClassName"] == "cloche-system"
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
