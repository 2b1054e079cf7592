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


def test_what_a_node_has() -> None:
    (node,) = ready_nodes([node_object()])
    assert (node.memory, node.cpu, node.pods) == (2 * 1024**3, 1500, 110)
    assert node.takes({}, [])
    assert node.takes({"pool": "sandbox"}, [])
    assert not node.takes({"pool": "other"}, [])


def test_a_node_says_how_many_pods_it_takes() -> None:
    made = node_object()
    made["status"]["allocatable"]["pods"] = "250"
    assert [node.pods for node in ready_nodes([made])] == [250]


def test_nodes_on_which_no_pod_can_start() -> None:
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
def test_taints(taint: dict[str, str], tolerations: list[dict[str, str]], *, takes: bool) -> None:
    (node,) = ready_nodes([node_object(taints=[taint])])
    assert node.takes({}, tolerations) is takes


def test_every_taint_is_to_be_tolerated() -> None:
    node = Node(1, 1, {}, (SANDBOX, CONTROL_PLANE))
    exists = [{"key": taint["key"], "operator": "Exists"} for taint in (SANDBOX, CONTROL_PLANE)]
    assert not node.takes({}, exists[:1])
    assert node.takes({}, exists)
