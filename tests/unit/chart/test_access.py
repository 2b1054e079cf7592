"""RBAC: the rules are listed completely, so that an additional one is a failure."""

from __future__ import annotations

from typing import Any

import pytest
from support.clients.helm import kinds, rendered, the
from support.data.names import SYSTEM
from support.data.rights import NODES, ROLES, Rules


def flat(rules: list[dict[str, Any]]) -> Rules:
    """(group, resource, verb, names) of every right."""
    return {
        (group, resource, verb, tuple(rule.get("resourceNames", ())))
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_the_chart_has_only_the_listed_roles() -> None:
    found = {
        (one["metadata"]["name"], one["metadata"]["namespace"])
        for one in rendered()
        if one["kind"] == "Role"
    }
    assert found == set(ROLES)


@pytest.mark.parametrize(("name", "namespace"), ROLES)
def test_a_role_has_exactly_the_listed_rights(name: str, namespace: str) -> None:
    role = the("Role", name, namespace=namespace)
    assert flat(role["rules"]) == ROLES[name, namespace]


@pytest.mark.parametrize(("name", "namespace"), ROLES)
def test_a_role_is_bound_only_to_its_own_account(name: str, namespace: str) -> None:
    binding = the("RoleBinding", name, namespace=namespace)
    assert binding["roleRef"]["name"] == name
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": name, "namespace": SYSTEM}]


def test_the_only_cluster_wide_right_of_the_operator_is_to_read_nodes() -> None:
    (role,) = kinds("ClusterRole").values()
    assert flat(role["rules"]) == NODES
    (binding,) = kinds("ClusterRoleBinding").values()
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert [one["name"] for one in binding["subjects"]] == ["cloche-operator"]


def test_the_secret_of_the_keys_has_no_data_in_the_chart() -> None:
    secret = the("Secret", "cloche-api-keys")
    assert not {"data", "stringData", "immutable"} & secret.keys()
    assert secret["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_cluster_scoped_objects_are_named_after_the_release() -> None:
    apart = [one for one in rendered() if "namespace" not in one["metadata"]]
    names = {one["metadata"]["name"] for one in apart if one["kind"] != "Namespace"}
    assert names == {
        f"cloche-operator-nodes.{SYSTEM}",
        f"cloche-tenants.{SYSTEM}",
        f"cloche-session-tenants.{SYSTEM}",
        f"cloche-pods.{SYSTEM}",
        f"cloche-pod-changes.{SYSTEM}",
        f"cloche-namespaces.{SYSTEM}",
        f"cloche-tombstones.{SYSTEM}",
        f"cloche-sources.{SYSTEM}",
    }
