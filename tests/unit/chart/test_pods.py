"""The policies on sandbox Pods require what the operator builds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.clients.helm import the
from support.data.names import SANDBOXES, SYSTEM
from support.data.policy_cases_containers import CONTAINERS, PRIVILEGES, RESOURCES
from support.data.policy_cases_pods import METADATA, SURROUNDINGS, USERS, VOLUMES
from support.data.sandbox_pods import cold

from cloche_api import meta
from cloche_operator.model.pod_manifest import SUPERVISOR
from cloche_operator.settings import Settings

CREATE, CHANGE = f"cloche-pods.{SYSTEM}", f"cloche-pod-changes.{SYSTEM}"
VARIANTS = CONTAINERS | PRIVILEGES | RESOURCES | METADATA | USERS | VOLUMES | SURROUNDINGS
NOT_PINNED = {
    "spec.hostname",  # each Pod has its own
    "spec.imagePullSecrets",  # only the kubelet reads them
    # The runtime names the image, and the supervisor in it must speak the protocol.
    "spec.containers[0].image", "spec.containers[0].imagePullPolicy",
    "spec.containers[0].name",  # by the rule on spec.containers
    # Of the scheduler. The limits are pinned.
    *(f"spec.containers[0].resources.requests.{name}"
      for name in ("cpu", "memory", "ephemeral-storage")),
}  # fmt: skip
"""Fields that the operator sets and no rule is about."""


def rules(name: str, *sets: str) -> dict[str, list[str]]:
    """The expressions of a policy, by the field that their message names."""
    found: dict[str, list[str]] = {}
    for one in validations(name, *sets):
        found.setdefault(one["message"].split(": ")[0], []).append(one["expression"])
    return found


def validations(name: str, *sets: str) -> list[dict[str, Any]]:
    spec = the("ValidatingAdmissionPolicy", name, *sets)["spec"]
    found: list[dict[str, Any]] = spec["validations"]
    return found


@pytest.mark.parametrize("name", [CREATE, CHANGE])
def test_each_message_of_the_pod_policies_names_field_and_rule(name: str) -> None:
    for one in validations(name):
        assert one["reason"] == "Forbidden"
        field, words = one["message"].split(": ", 1)
        assert field.startswith(("spec.", "metadata."))
        assert " must " in f" {words}"


def test_the_policy_on_changes_has_few_rules() -> None:
    """Each claim of a Pod is one."""
    (rule,) = the("ValidatingAdmissionPolicy", CHANGE)["spec"]["matchConstraints"]["resourceRules"]
    assert rule["operations"] == ["UPDATE"]
    assert rule["resources"] == ["pods", "pods/ephemeralcontainers", "pods/resize"]
    assert len(validations(CHANGE)) == 5


def test_the_pod_policy_requires_what_the_operator_builds() -> None:
    asked = rules(CREATE)
    assert [str(SUPERVISOR) in one for one in asked["spec.containers[0].command"]] == [True]
    assert [f"['{meta.CONTAINER}']" in one for one in asked["spec.containers"]] == [True]
    (user,) = asked["spec.securityContext.runAsUser"]
    assert f">= {Settings().first_user}" in user
    assert f"<= {Settings().last_user}" in user
    (deadline,) = asked["spec.activeDeadlineSeconds"]
    assert f"[?'{meta.LABEL_STATE}'].orValue('') == '{meta.STATE_WAITING}'" in deadline


def test_each_field_that_the_operator_sets_is_pinned_by_the_policy_or_listed() -> None:
    settings = Settings(
        node_selector={"pool": "sandbox"},
        tolerations=[{"key": "sandbox", "operator": "Exists"}],
        runtime_class_name="guest",
        user_namespaces=True,
        app_armor_profile="localhost/programs",
        priority_class_name="programs",
        image_pull_secrets=["registry"],
    )
    asked = rules(
        CREATE,
        'sandbox={"userNamespaces":true,"runtimeClassName":"guest","priorityClassName":"programs",'
        '"nodeSelector":{"pool":"sandbox"},"appArmorProfile":"localhost/programs"}',
    )
    pinned = {*asked} - {"spec.containers"}
    free = {
        path
        for path in paths(cold(settings=settings)["spec"], "spec")
        if not any(f"{path}.".startswith(f"{field}.") for field in pinned)
    }
    assert free == NOT_PINNED


def paths(value: Any, path: str) -> Iterator[str]:
    """The paths of the fields of a Pod. A list is one field, except that of the containers."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from paths(inner, f"{path}.{name}")
    elif path == "spec.containers":
        yield from paths(value[0], f"{path}[0]")
    else:
        yield path


def test_each_rule_of_the_pod_policy_has_a_test_case() -> None:
    """tests/integration/chart/test_pods.py tries the cases on an API server."""
    tried = {one.field for one in VARIANTS.values() if not one.invalid}
    # The policy also forbids what the API server itself rejects.
    impossible = {one.field for one in VARIANTS.values() if one.invalid}
    # Rules need a restartPolicy, which is refused before.
    behind = {"spec.containers[0].restartPolicyRules"}
    asked = {*rules(CREATE)}
    assert tried <= asked
    assert asked - tried <= impossible | behind


def test_the_pod_policy_forbids_a_field_at_its_path() -> None:
    asked = rules(CREATE)
    assert asked["spec.hostNetwork"] == ["!object.spec.?hostNetwork.hasValue()"]
    assert asked["spec.containers[0].securityContext.capabilities.add"] == [
        "!object.spec.?containers[0].?securityContext.?capabilities.?add.hasValue()"
    ]


def test_the_pod_policy_does_not_pin_settings_with_no_value() -> None:
    asked = rules(CREATE)
    assert not {"spec.hostUsers", "spec.nodeSelector", "spec.runtimeClassName"} & set(asked)
    (priority,) = asked["spec.priorityClassName"]
    assert priority == "!object.spec.?priorityClassName.orValue('').startsWith('system-')"


def test_the_pod_policy_pins_the_settings_of_the_installation() -> None:
    asked = rules(
        CREATE,
        'sandbox={"userNamespaces":true,"runtimeClassName":"kata","priorityClassName":"low",'
        '"nodeSelector":{"pool":"sandbox","example.com/zone":"1"},'
        '"users":{"first":50000,"last":50999}}',
    )
    (user,) = asked["spec.securityContext.runAsUser"]
    assert ">= 50000" in user
    assert "<= 50999" in user
    assert asked["spec.hostUsers"] == ["!object.spec.?hostUsers.orValue(true)"]
    assert asked["spec.runtimeClassName"] == ["object.spec.?runtimeClassName.hasValue()"]
    assert asked["spec.priorityClassName"] == [
        "object.spec.?priorityClassName.orValue('') == 'low'"
    ]
    assert asked["spec.nodeSelector"] == [
        "object.spec.?nodeSelector[?'example.com/zone'].orValue('') == '1'",
        "object.spec.?nodeSelector[?'pool'].orValue('') == 'sandbox'",
    ]


def test_the_pod_policy_requires_the_charts_own_priority_class() -> None:
    asked = rules(CREATE, 'priorityClasses.sandbox={"create":true,"name":"programs"}')
    assert asked["spec.priorityClassName"] == [
        "object.spec.?priorityClassName.orValue('') == 'programs'"
    ]


@pytest.mark.parametrize(
    ("tolerations", "barred"),
    [
        ("[]", "['', 'node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master']"),
        (
            '[{"key":"node-role.kubernetes.io/control-plane"}]',
            "['', 'node-role.kubernetes.io/master']",
        ),
        (
            '[{"operator":"Exists"}]',
            "['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master']",
        ),
    ],
)
def test_the_pod_policy_bars_the_control_plane_unless_the_chart_tolerates_it(
    tolerations: str, barred: str
) -> None:
    (rule,) = rules(CREATE, f"sandbox.tolerations={tolerations}")["spec.tolerations"]
    assert rule.endswith(f"in {barred}))")


def test_the_pod_policies_apply_only_to_the_sandbox_namespace() -> None:
    for name in (CREATE, CHANGE):
        binding = the("ValidatingAdmissionPolicyBinding", name)["spec"]
        assert binding["matchResources"] == {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": SANDBOXES}}
        }
