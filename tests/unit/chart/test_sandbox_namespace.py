"""The sandbox namespace and its policies."""

from __future__ import annotations

from support.clients.helm import kinds, refusal, the
from support.data.names import SANDBOXES, SYSTEM

KEEP = "helm.sh/resource-policy"


def test_the_sandbox_namespace_enforces_restricted_pod_security() -> None:
    labels = the("Namespace", SANDBOXES)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert labels["pod-security.kubernetes.io/enforce-version"] == "latest"


def test_the_sandbox_namespace_has_the_installation_label() -> None:
    labels = the("Namespace", SANDBOXES)["metadata"]["labels"]
    assert labels["cloche.dev/installation"] == SYSTEM


def test_sandbox_namespace_and_network_policy_are_kept_on_uninstall() -> None:
    for manifest in (the("Namespace", SANDBOXES), the("NetworkPolicy", "cloche-deny-all")):
        assert manifest["metadata"]["annotations"][KEEP] == "keep"


def test_the_sandbox_namespace_can_exist_already_but_not_be_the_releases_own() -> None:
    assert kinds("Namespace", "sandbox.create=false") == {}
    assert "of their own" in refusal('sandbox.namespace="cloche-system"')


def test_each_sandbox_object_follows_the_namespace_setting() -> None:
    sets = ('sandbox.namespace="elsewhere"',)
    assert the("NetworkPolicy", "cloche-deny-all", *sets)["metadata"]["namespace"] == "elsewhere"
    assert the("SandboxRuntime", "python", *sets)["metadata"]["namespace"] == "elsewhere"
    for name, binding in kinds("ValidatingAdmissionPolicyBinding", *sets).items():
        selector = binding["spec"]["matchResources"]["namespaceSelector"]
        if name.startswith("cloche-namespaces."):
            assert selector["matchExpressions"][0]["values"] == ["elsewhere"]
        else:
            assert selector["matchLabels"] == {"kubernetes.io/metadata.name": "elsewhere"}


def test_the_network_policy_denies_ingress_and_egress() -> None:
    assert the("NetworkPolicy", "cloche-deny-all")["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }


def test_the_quota_limits_pods_and_optionally_executions() -> None:
    nothing_lasting = {"services": "0", "persistentvolumeclaims": "0"}
    assert the("ResourceQuota", "cloche")["spec"]["hard"] == {"pods": "250"} | nothing_lasting
    counted = the("ResourceQuota", "cloche", "sandbox.quota.executions=20000")["spec"]["hard"]
    assert counted["count/sandboxexecutions.cloche.dev"] == "20000"
    assert kinds("ResourceQuota", "sandbox.quota.enabled=false") == {}


def test_the_limit_range_allows_the_maximum_of_each_runtime() -> None:
    (limit,) = the("LimitRange", "cloche")["spec"]["limits"]
    assert limit["type"] == "Container"
    assert limit["max"] == {"cpu": "2", "memory": "2Gi", "ephemeral-storage": "2Gi"}
    assert limit["defaultRequest"]["memory"] == "64Mi"
    for runtime in kinds("SandboxRuntime").values():
        maximum = runtime["spec"].get("resources", {}).get("maximum", {})
        assert maximum.get("cpu", "2") in {"1", "2", 1, 2}
        assert maximum.get("memory", "2Gi") in {"2Gi", "1Gi"}


def test_the_admission_policies_deny_and_fail_closed() -> None:
    policies = kinds("ValidatingAdmissionPolicy")
    bindings = kinds("ValidatingAdmissionPolicyBinding")
    assert bindings.keys() == policies.keys()
    for name, policy in policies.items():
        assert policy["spec"]["failurePolicy"] == "Fail"
        assert bindings[name]["spec"]["validationActions"] == ["Deny"]
        assert bindings[name]["spec"]["policyName"] == name
    guarded = {
        resource
        for policy in policies.values()
        for rule in policy["spec"]["matchConstraints"]["resourceRules"]
        for resource in rule["resources"]
    }
    pods = {"pods", "pods/ephemeralcontainers", "pods/resize"}
    kinds_of_cloche = {
        f"sandbox{kind}" for kind in ("executions", "sessions", "tombstones", "sources")
    }
    assert guarded == kinds_of_cloche | pods
