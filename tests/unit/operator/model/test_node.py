from __future__ import annotations

from typing import Any

import pytest

from cloche_operator.model.node import Node, ready_nodes

READY = {"type": "Ready", "status": "True"}


def node_object(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "n", "labels": {"pool": "sandbox"}},
        "spec": spec,
        "status": {"allocatable": {"cpu": "1500m", "memory": "2Gi"}, "conditions": [READY]},
    }


def test_the_allocatable_resources_of_a_node_are_read() -> None:
    (node,) = ready_nodes([node_object()])
    assert (node.memory, node.cpu, node.pods) == (2 * 1024**3, 1500, 110)
    assert node.takes({}, [])
    assert node.takes({"pool": "sandbox"}, [])
    assert not node.takes({"pool": "other"}, [])


def test_the_number_of_pods_of_a_node_is_read() -> None:
    made = node_object()
    made["status"]["allocatable"]["pods"] = "250"
    assert [node.pods for node in ready_nodes([made])] == [250]


def test_nodes_that_are_not_ready_or_unschedulable_do_not_count() -> None:
    away = node_object()
    away["status"]["conditions"] = [READY | {"status": "Unknown"}]
    silent = node_object()
    del silent["status"]["conditions"]
    assert ready_nodes([away, silent, node_object(unschedulable=True)]) == []


CONTROL_PLANE = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
SANDBOX = {"key": "sandbox", "value": "yes", "effect": "NoExecute"}


@pytest.mark.parametrize(
    ("taint", "tolerations", "takes"),
    [
        (CONTROL_PLANE, [], False),
        (CONTROL_PLANE | {"effect": "PreferNoSchedule"}, [], True),
        ({"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule"}, [], True),
        ({"key": "node.kubernetes.io/disk-pressure", "effect": "NoSchedule"}, [], False),
        (SANDBOX, [{"key": "sandbox", "operator": "Exists"}], True),
        (SANDBOX, [{"operator": "Exists"}], True),
        (SANDBOX, [{"key": "sandbox", "value": "yes"}], True),
        (SANDBOX, [{"key": "sandbox", "operator": "Equal", "value": "no"}], False),
        (SANDBOX, [{"key": "sandbox", "operator": "Exists", "effect": "NoSchedule"}], False),
        (SANDBOX, [{"key": "other", "operator": "Exists"}, {"key": "sandbox"}], False),
    ],
)
def test_a_taint_excludes_a_node_unless_tolerated(
    taint: dict[str, str], tolerations: list[dict[str, str]], *, takes: bool
) -> None:
    (node,) = ready_nodes([node_object(taints=[taint])])
    assert node.takes({}, tolerations) is takes


def test_each_taint_of_a_node_must_be_tolerated() -> None:
    node = Node(1, 1, {}, (SANDBOX, CONTROL_PLANE))
    exists = [{"key": taint["key"], "operator": "Exists"} for taint in (SANDBOX, CONTROL_PLANE)]
    assert not node.takes({}, exists[:1])
    assert node.takes({}, exists)
