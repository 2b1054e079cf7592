"""Only Pods of the operator are admitted to the sandbox namespace, on a real API server."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support.clients.api_server import CORE, ApiServer
from support.data.policy_cases import Variant
from support.data.policy_cases_containers import CONTAINERS, PRIVILEGES, RESOURCES
from support.data.policy_cases_pods import METADATA, SURROUNDINGS, USERS, VOLUMES
from support.data.sandbox_pods import (
    Pod,
    changed,
    cold,
    container,
    context,
    metadata,
    of_session,
    spec,
    waiting,
)
from support.deadline import until
from support.fixtures.chart.release import ChartRelease

from cloche_operator.settings import Settings

NAMED = re.compile(r"denied request: ([^:]+): ")
"""The field that a policy's message begins with."""

VARIANTS: dict[str, Variant] = (
    CONTAINERS | PRIVILEGES | RESOURCES | METADATA | USERS | VOLUMES | SURROUNDINGS
)
RIGHT = {"cold": cold(), "waiting": waiting(), "of a session": of_session()}
STILL_RIGHT = {
    "a runtime's toleration": spec(tolerations=[{"key": "gpu", "operator": "Exists"}]),
    "a runtime's nodes": spec(nodeSelector={"gpu": "none"}),
    "a runtime's class": spec(runtimeClassName="guest"),
    "a user namespace": spec(hostUsers=False),
    "the last user": context(runAsUser=49_999, runAsGroup=49_999),
    "a registry's password": spec(imagePullSecrets=[{"name": "registry"}]),
    "a note": metadata(annotations={"example.com/note": "io.kubernetes"}),
    "a webhook's AppArmor": context(appArmorProfile={"type": "RuntimeDefault"}),
    "another image": container(image="registry.example.com/x@sha256:" + "0" * 64),
}

NOT_PINNED = {
    "PodSpec": {
        # Of the Pod's name and place in the scheduler's order, not of what it may do.
        "affinity", "hostname", "hostnameOverride", "imagePullSecrets", "nodeSelector",
        "readinessGates", "schedulingGroup", "setHostnameAsFQDN", "subdomain",
        "topologySpreadConstraints",
        # Consulted before an eviction, but not before a deletion or at the Pod's deadline.
        "evictionResponders",
        # Set by admission, which refuses others.
        "overhead", "preemptionPolicy", "priority", "serviceAccount",
        # Said by a value of the chart.
        "hostUsers", "runtimeClassName",
    },
    "Container": {"image", "imagePullPolicy", "name", "resizePolicy"},
    "PodSecurityContext": {
        # Of files that there are not, and of groups that an image gives its users.
        "fsGroupChangePolicy", "seLinuxChangePolicy", "supplementalGroupsPolicy",
    },
    "SecurityContext": set(),
    "PodDNSConfig": set(),
    # `mode` is at most 01777, and 0777 when it is absent.
    "EmptyDirVolumeSource": {"medium", "mode", "sizeLimit"},
    # `bindMountOptions` only take something away: noexec, nodev, nosuid.
    "VolumeMount": {
        "bindMountOptions", "mountPath", "mountPropagation", "name", "readOnly",
        "recursiveReadOnly", "subPath", "subPathExpr",
    },
    "ResourceRequirements": {"requests"},
    "Toleration": {"effect", "key", "operator", "tolerationSeconds", "value"},
}  # fmt: skip
"""Fields that no rule is about, by the API's type; the rule of a list covers its items."""

WHERE = {
    "PodSpec": "spec.",
    "Container": "spec.containers[0].",
    "PodSecurityContext": "spec.securityContext.",
    "SecurityContext": "spec.containers[0].securityContext.",
    "PodDNSConfig": "spec.dnsConfig.",
    "ResourceRequirements": "spec.containers[0].resources.",
}


def refusal(server: ApiServer, namespace: str, pod: Pod) -> str:
    """Why the API server does not create this Pod; creating it fails the test."""
    answer = server.ask("POST", f"{CORE}/{namespace}/pods?dryRun=All", pod)
    assert answer.status_code in {403, 422}, answer.text
    message: str = answer.json()["message"]
    return message


def named(message: str) -> str:
    """The field that the policy names."""
    found = NAMED.search(message)
    assert found, message
    return found[1]


@pytest.mark.parametrize("pod", RIGHT.values(), ids=RIGHT)
@pytest.mark.parametrize("namespace", ["sandboxes", "unguarded"], indirect=True)
def test_a_pod_of_the_operator_is_admitted(server: ApiServer, namespace: str, pod: Pod) -> None:
    server.create(f"{CORE}/{namespace}/pods?dryRun=All", pod)


@pytest.fixture
def classes(server: ApiServer) -> None:
    """A RuntimeClass with an overhead, which admission sets."""
    made = {
        "metadata": {"name": "guest"},
        "handler": "guest",
        "overhead": {"podFixed": {"memory": "64Mi"}},
    }
    path = "/apis/node.k8s.io/v1/runtimeclasses"
    if server.find(f"{path}/guest") is None:
        server.create(path, made)


@pytest.mark.usefixtures("classes")
@pytest.mark.parametrize("name", STILL_RIGHT)
def test_a_pod_with_an_allowed_setting_of_installation_or_runtime_is_admitted(
    server: ApiServer, installed: ChartRelease, name: str
) -> None:
    pod = changed(cold(), STILL_RIGHT[name])
    made = until(
        # The RuntimeClass is known to admission a moment after it was made.
        lambda: _created(server, installed.sandboxes, pod), "the Pod to be admitted", 10
    )  # fmt: skip
    assert made["spec"]["priority"] == 0
    assert ("overhead" in made["spec"]) == ("runtimeClassName" in pod["spec"])
    keys = {one.get("key") for one in made["spec"]["tolerations"]}
    assert {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"} <= keys


def _created(server: ApiServer, namespace: str, pod: Pod) -> Any:
    answer = server.ask("POST", f"{CORE}/{namespace}/pods?dryRun=All", pod)
    if "RuntimeClass" in answer.text and answer.status_code == 403:
        return None
    assert answer.is_success, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def other_account(server: ApiServer, installed: ChartRelease) -> None:
    """A second service account, which a Pod could name."""
    for namespace in (installed.sandboxes, installed.unguarded):
        server.create(f"{CORE}/{namespace}/serviceaccounts", {"metadata": {"name": "other"}})


@pytest.mark.usefixtures("other_account")
@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_a_weaker_pod_is_rejected_and_the_field_named(
    server: ApiServer, installed: ChartRelease, variant: Variant
) -> None:
    pod = changed(cold(), variant.change)
    if variant.mended:
        made = server.create(f"{CORE}/{installed.sandboxes}/pods?dryRun=All", pod)
        limits = made["spec"]["containers"][0]["resources"]["limits"]
        assert set(limits) == {"cpu", "memory", "ephemeral-storage"}
    else:
        guarded = refusal(server, installed.sandboxes, pod)
        if variant.before or variant.invalid:
            assert (variant.before or variant.invalid) in guarded
            assert ("violates PodSecurity" in guarded) == (not variant.invalid)
        else:
            assert named(guarded) == variant.field
    if not variant.invalid:
        # And by the policy alone.
        assert named(refusal(server, installed.unguarded, pod)) == variant.field


def fields(cluster: ChartRelease) -> set[str]:
    """The fields that the policy's messages begin with."""
    policy = cluster.json("get", "validatingadmissionpolicy", f"cloche-pods.{cluster.system}")
    return {one["message"].split(": ")[0] for one in policy["spec"]["validations"]}


@pytest.mark.parametrize("kind", NOT_PINNED)
def test_each_field_of_a_pod_in_this_kubernetes_is_pinned_or_listed(
    server: ApiServer, installed: ChartRelease, kind: str
) -> None:
    """A new Kubernetes may bring fields: each is to be pinned, or listed here with its reason."""
    schemas = server.get("/openapi/v3/api/v1")["components"]["schemas"]
    there = set(schemas[f"io.k8s.api.core.v1.{kind}"]["properties"])
    prefix = WHERE.get(kind)
    pinned = {
        re.split(r"[.\[]", field.removeprefix(prefix))[0]
        for field in fields(installed)
        if prefix and field.startswith(prefix)
    }
    assert there - pinned == NOT_PINNED[kind]


def test_the_operator_receives_the_policys_full_message(
    server: ApiServer, installed: ChartRelease
) -> None:
    server.client.headers["Impersonate-User"] = installed.operator
    try:
        weaker = changed(cold(), spec(shareProcessNamespace=True))
        words = refusal(server, installed.sandboxes, weaker)
    finally:
        del server.client.headers["Impersonate-User"]
    policy = f"cloche-pods.{installed.system}"
    assert words == (
        'pods "sbx-of-the-execution" is forbidden: '
        f"ValidatingAdmissionPolicy '{policy}' with binding '{policy}' denied request: "
        "spec.shareProcessNamespace: must not be true; "
        "the supervisor must be PID 1, because it ends the program's processes"
    )


@pytest.mark.usefixtures("classes")
def test_the_pod_policy_follows_the_charts_sandbox_settings(
    server: ApiServer, installed: ChartRelease
) -> None:
    installed.upgrade(
        "--set-json", 'sandbox.nodeSelector={"pool":"sandbox"}',
        "--set-json", 'sandbox.tolerations=[{"key":"node-role.kubernetes.io/control-plane"}]',
        "--set", "sandbox.runtimeClassName=guest,sandbox.userNamespaces=true",
        "--set", "sandbox.appArmorProfile=localhost/programs",
        "--set-json", 'priorityClasses.sandbox={"create":true,"name":"programs"}',
    )  # fmt: skip
    settings = Settings(
        node_selector={"pool": "sandbox"},
        tolerations=[{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}],
        runtime_class_name="guest",
        user_namespaces=True,
        app_armor_profile="localhost/programs",
        priority_class_name="programs",
    )
    right = cold(settings=settings)
    weaker = {
        "spec.securityContext.appArmorProfile": context(appArmorProfile=None),
        "spec.hostUsers": spec(hostUsers=None),
        "spec.nodeSelector": spec(nodeSelector={"pool": "other"}),
        "spec.priorityClassName": spec(priorityClassName="system-node-critical"),
        "spec.runtimeClassName": spec(runtimeClassName=None),
        "spec.tolerations": spec(tolerations=[{"key": "node-role.kubernetes.io/master"}]),
    }
    until(
        lambda: "appArmorProfile: " in _tried(server, installed.sandboxes, cold()),
        "the new policy",
        30,
    )
    until(lambda: _created(server, installed.sandboxes, right), "the Pod to be admitted", 10)
    for field, change in weaker.items():
        assert named(refusal(server, installed.sandboxes, changed(right, change))) == field


def _tried(server: ApiServer, namespace: str, pod: Pod) -> str:
    return server.ask("POST", f"{CORE}/{namespace}/pods?dryRun=All", pod).text
