"""The limits of an execution: its request, and the runtime's defaults and maximum."""

from __future__ import annotations

import pytest

from cloche_api.resources.amounts import ResourceAmounts, UsedResources
from cloche_api.resources.phases import Reason
from cloche_api.resources.runtime import RuntimeResources
from cloche_operator.model.resources import used_resources
from cloche_operator.model.status import EndedError

RUNTIME = RuntimeResources()


def amounts(cpu: str | int, memory: str | int, disk: str | int) -> UsedResources:
    return UsedResources(cpu=cpu, memory=memory, disk=disk)


@pytest.mark.parametrize(
    ("asked", "used"),
    [
        (None, amounts("1", "512Mi", "100Mi")),
        ({}, amounts("1", "512Mi", "100Mi")),
        ({"cpu": "250m"}, amounts("250m", "512Mi", "100Mi")),
        ({"cpu": 2, "memory": "2Gi", "disk": "1Gi"}, amounts(2, "2Gi", "1Gi")),
        ({"cpu": "2000m", "memory": "2048Mi"}, amounts("2000m", "2048Mi", "100Mi")),
        ({"memory": "64Mi"}, amounts("1", "64Mi", "64Mi")),  # the default disk would not fit
        ({"memory": 67108864}, amounts("1", 67108864, 67108864)),
        ({"memory": "100Mi"}, amounts("1", "100Mi", "100Mi")),
    ],
)
def test_requested_amounts_override_the_defaults(
    asked: dict[str, str] | None, used: UsedResources
) -> None:
    wishes = None if asked is None else ResourceAmounts.model_validate(asked)
    assert used_resources(wishes, RUNTIME) == used


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"cpu": "2.001"}, "spec.resources.cpu is 2.001, the runtime allows at most 2"),
        ({"cpu": 3}, "spec.resources.cpu is 3,"),
        ({"cpu": 99_999_999_999_999}, "spec.resources.cpu is 99999999999999,"),
        ({"memory": "2049Mi"}, "spec.resources.memory is 2049Mi, the runtime allows at most 2Gi"),
        ({"memory": "3G"}, "spec.resources.memory"),
        ({"memory": "2Gi", "disk": "1025Mi"}, "spec.resources.disk is 1025Mi"),
        ({"disk": "600Mi"}, "more than the memory limit 512Mi"),
        ({"memory": "100Mi", "disk": "101Mi"}, "more than the memory limit 100Mi"),
    ],
)
def test_an_amount_over_the_runtimes_maximum_is_rejected(asked: dict[str, str], words: str) -> None:
    with pytest.raises(EndedError, match=r"^spec\.resources") as ended:
        used_resources(ResourceAmounts.model_validate(asked), RUNTIME)
    assert ended.value.reason is Reason.RESOURCES_EXCEED_RUNTIME
    assert words in ended.value.message


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"memory": "95Mi"}, "spec.resources.memory is 95Mi, the runtime needs at least 96Mi"),
        ({"disk": "7Mi"}, "spec.resources.disk is 7Mi, the runtime needs at least 8Mi"),
        ({"memory": 1, "disk": 1}, "spec.resources.memory is 1,"),
    ],
)
def test_an_amount_under_the_runtimes_minimum_is_rejected(
    asked: dict[str, str], words: str
) -> None:
    runtime = RuntimeResources(minimum=ResourceAmounts(memory="96Mi", disk="8Mi"))
    with pytest.raises(EndedError) as ended:
        used_resources(ResourceAmounts.model_validate(asked), runtime)
    assert ended.value.reason is Reason.RESOURCES_EXCEED_RUNTIME
    assert ended.value.message.startswith(words)
    assert used_resources(ResourceAmounts(memory="96Mi", disk="8Mi"), runtime).memory == "96Mi"


def test_a_runtime_whose_defaults_exceed_its_maximum_is_an_error() -> None:
    runtime = RuntimeResources(maximum=amounts("1", "256Mi", "100Mi"))
    with pytest.raises(EndedError) as ended:
        used_resources(None, runtime)
    assert ended.value.reason is Reason.RESOURCES_EXCEED_RUNTIME
