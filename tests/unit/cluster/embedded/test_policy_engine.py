"""The netfilter rules with which NetworkPolicies are enforced in the embedded cluster."""

from __future__ import annotations

from cloche_cluster.components.pins import COMPONENTS, COMPONENTS_DIRECTORY, POLICY_ENGINE, read_pin
from cloche_cluster.embedded.policy_engine import has_no_rule, queue_rules
from cloche_cluster.embedded.settings import Addresses


def test_new_pod_connections_are_queued_and_pass_without_an_engine() -> None:
    first, second = queue_rules(Addresses())
    assert (first[1:3], second[1:3]) == (["-s", "10.244.0.0/24"], ["-d", "10.244.0.0/24"])
    for rule in (first, second):
        assert rule[rule.index("--ctstate") + 1] == "NEW"
        assert rule[-4:] == ["NFQUEUE", "--queue-num", "4711", "--queue-bypass"]


def test_a_table_with_other_rules_is_not_removed() -> None:
    head = '{"metainfo": {}}, {"table": {"name": "mangle"}}, {"chain": {"name": "POSTROUTING"}}'
    assert has_no_rule(f'{{"nftables": [{head}]}}')
    assert not has_no_rule(f'{{"nftables": [{head}, {{"rule": {{"handle": 7}}}}]}}')


def test_the_policy_engine_is_pinned_and_not_built_by_up() -> None:
    assert POLICY_ENGINE not in COMPONENTS
    pin = read_pin(POLICY_ENGINE, COMPONENTS_DIRECTORY)
    assert pin.programs == ("kube-network-policies",)
    assert pin.version.startswith("v0.8.")
