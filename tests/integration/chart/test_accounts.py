"""What each service account may do, as reported by the API server: no more than is listed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support.clients.api_server import ApiServer, api_server
from support.data.names import SANDBOXES, SYSTEM
from support.data.rights import NODES, ROLES, USERS, Rules, rights
from support.deadline import until
from support.fixtures.chart.release import ChartRelease

REVIEWS = "/apis/authorization.k8s.io/v1"
NAMESPACES = ("system", "sandboxes", "default", "kube-system")
"""The first two are the release's."""
UNKNOWN_ACCOUNT = "system:serviceaccount:default:nobody"
"""Of no Role: what it may do is what every account may."""
ACCOUNTS = {
    "gateway": ("system", "cloche-gateway"),
    "operator": ("system", "cloche-operator"),
    "the release's default": ("system", "default"),
    "a program's": ("sandboxes", "default"),
}
"""By their words here: namespace and name."""

EXPECTED: dict[tuple[str, str], Rules] = {
    ("gateway", "system"): ROLES["cloche-gateway", SYSTEM],
    ("gateway", "sandboxes"): ROLES["cloche-gateway", SANDBOXES],
    ("operator", "system"): NODES | ROLES["cloche-operator", SYSTEM],
    ("operator", "sandboxes"): NODES | ROLES["cloche-operator", SANDBOXES],
    ("operator", "default"): NODES,
    ("operator", "kube-system"): NODES,
}

RIGHTS_OF_ANY_ACCOUNT = (
    rights("authorization.k8s.io", "selfsubjectaccessreviews", "create")
    | rights("authorization.k8s.io", "selfsubjectrulesreviews", "create")
    | rights("authentication.k8s.io", "selfsubjectreviews", "create")
    | rights("certificates.k8s.io", "clustertrustbundles", "get list watch")
)
"""What Kubernetes lets every account do: ask about itself, and read certificates to trust."""

NEVER = (
    "create pods/exec", "create pods/portforward", "get pods/proxy", "create pods/binding",
    "update pods/ephemeralcontainers", "patch pods/resize", "update pods/status",
    "create pods/eviction", "create serviceaccounts/token", "impersonate serviceaccounts",
    "get configmaps", "create persistentvolumeclaims", "create services",
    "patch namespaces", "patch resourcequotas", "patch limitranges", "get nodes/proxy",
    "delete networkpolicies.networking.k8s.io",
    "bind roles.rbac.authorization.k8s.io", "create rolebindings.rbac.authorization.k8s.io",
    "delete validatingadmissionpolicies.admissionregistration.k8s.io",
    "patch validatingadmissionpolicybindings.admissionregistration.k8s.io",
    "create deployments.apps", "create jobs.batch", "* *.*",
)  # fmt: skip
"""Verb, resource (and group) of what would open a sandbox, its namespace or the cluster."""


def full_name(cluster: ChartRelease, namespace: str) -> str:
    """The name of one of NAMESPACES."""
    return {"system": cluster.system, "sandboxes": cluster.sandboxes}.get(namespace, namespace)


@contextmanager
def server_as(cluster: ChartRelease, account: str) -> Iterator[ApiServer]:
    """The API server as one of ACCOUNTS or another account speaks to it."""
    if account in ACCOUNTS:
        namespace, name = ACCOUNTS[account]
        account = f"system:serviceaccount:{full_name(cluster, namespace)}:{name}"
    with api_server(cluster.kubeconfig, by=account) as client:
        yield client


def rights_of(client: ApiServer, namespace: str) -> tuple[Rules, set[tuple[str, str]]]:
    """(group, resource, verb, names) and (path, verb) of every right in a namespace."""
    status: Any = client.create(
        f"{REVIEWS}/selfsubjectrulesreviews", {"spec": {"namespace": namespace}}
    )["status"]
    assert not status["incomplete"]
    resources = {
        (group, resource, verb, tuple(rule.get("resourceNames", ())))
        for rule in status["resourceRules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    paths = {
        (path, verb)
        for rule in status["nonResourceRules"]
        for path in rule["nonResourceURLs"]
        for verb in rule["verbs"]
    }
    return resources, paths


@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize("account", ACCOUNTS)
def test_an_account_has_exactly_the_listed_rights(
    installed: ChartRelease, account: str, namespace: str
) -> None:
    with server_as(installed, account) as client:
        resources, paths = rights_of(client, full_name(installed, namespace))
    with server_as(installed, UNKNOWN_ACCOUNT) as client:
        rights_of_any_account, paths_of_any_account = rights_of(
            client, full_name(installed, namespace)
        )
    assert resources - rights_of_any_account == EXPECTED.get((account, namespace), set())
    assert paths == paths_of_any_account
    assert rights_of_any_account == RIGHTS_OF_ANY_ACCOUNT


@pytest.mark.parametrize(
    ("role", "included"),
    [("view", ["view"]), ("edit", ["view", "edit"]), ("admin", ["view", "edit", "admin"])],
)
def test_a_user_with_a_role_of_kubernetes_may_exactly_this_with_our_resources(
    installed: ChartRelease, role: str, included: list[str]
) -> None:
    user = f"{role}.{installed.system}"
    installed(
        "create", "rolebinding", user, "-n", installed.sandboxes, f"--clusterrole={role}",
        f"--user={user}",
    )  # fmt: skip
    expected = set[tuple[str, str, str, tuple[str, ...]]]().union(*(USERS[one] for one in included))

    def ours(client: ApiServer, namespace: str) -> Rules:
        return {rule for rule in rights_of(client, namespace)[0] if rule[0] == "cloche.dev"}

    with api_server(installed.kubeconfig, by=user) as client:
        # A controller adds the rules to the ClusterRole.
        until(lambda: ours(client, installed.sandboxes) >= expected, "the aggregated rules", 30)
        assert ours(client, installed.sandboxes) == expected
        assert ours(client, installed.system) == set()


def may(client: ApiServer, namespace: str, **attributes: str) -> bool:
    """Whether the API server would allow it."""
    asked = {"resourceAttributes": {"namespace": namespace} | attributes}
    review = client.create(f"{REVIEWS}/selfsubjectaccessreviews", {"spec": asked})
    allowed: bool = review["status"]["allowed"]
    return allowed


@pytest.mark.parametrize("account", ACCOUNTS)
def test_no_account_has_a_right_that_would_open_a_sandbox_or_the_cluster(
    installed: ChartRelease, account: str
) -> None:
    with server_as(installed, account) as client:
        for namespace in NAMESPACES:
            full = full_name(installed, namespace)
            for word in NEVER:
                verb, what = word.split()
                kind, _, group = what.partition(".")
                resource, _, sub = kind.partition("/")
                asked = {"verb": verb, "group": group, "resource": resource, "subresource": sub}
                assert not may(client, full, **asked), f"{word} in {namespace}"


@pytest.mark.parametrize("account", ACCOUNTS)
def test_only_the_gateway_reads_secrets_and_only_the_one_with_the_keys(
    installed: ChartRelease, account: str
) -> None:
    with server_as(installed, account) as client:
        for namespace in NAMESPACES:
            full = full_name(installed, namespace)
            for verb in ("get", "list", "watch", "create", "update", "patch", "delete"):
                asked = {"verb": verb, "resource": "secrets"}
                assert not may(client, full, **asked)
                assert not may(client, full, **asked, name="another")
                own = account == "gateway" and namespace == "system" and verb in {"list", "watch"}
                assert may(client, full, **asked, name="cloche-api-keys") == own


def test_the_gateway_has_no_rights_on_pods(installed: ChartRelease) -> None:
    with server_as(installed, "gateway") as client:
        for verb in ("get", "list", "watch", "create", "patch", "update", "delete"):
            assert not may(client, installed.sandboxes, verb=verb, resource="pods")
        for verb in ("get", "create"):
            assert not may(
                client, installed.sandboxes, verb=verb, resource="pods", subresource="attach"
            )
