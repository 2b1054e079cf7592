"""The limits of an execution: what it requests, within what its runtime allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_api.resources import quantity
from cloche_api.resources.amounts import ResourceAmounts, UsedResources
from cloche_api.resources.phases import Reason
from cloche_operator.model.outcome import EndedError

if TYPE_CHECKING:
    from cloche_api.resources.runtime import RuntimeResources

_AMOUNTS = ("cpu", "memory", "disk")


def used_resources(asked: ResourceAmounts | None, runtime: RuntimeResources) -> UsedResources:
    """Return the limits of an execution: the runtime's defaults where it requests nothing.

    Raises:
        EndedError: ResourcesExceedRuntime, if it requests more than the runtime's maximum, or more
            disk than it has memory.
    """
    asked = asked or ResourceAmounts()
    chosen = {name: getattr(asked, name) or getattr(runtime.defaults, name) for name in _AMOUNTS}
    if asked.memory and not asked.disk and _less(chosen["memory"], chosen["disk"]):
        chosen["disk"] = chosen["memory"]
    for name, amount in chosen.items():
        maximum = getattr(runtime.maximum, name)
        if _less(maximum, amount):
            raise EndedError(
                Reason.RESOURCES_EXCEED_RUNTIME,
                f"spec.resources.{name} is {amount}, the runtime allows at most {maximum}",
            )
    if _less(chosen["memory"], chosen["disk"]):
        raise EndedError(
            Reason.RESOURCES_EXCEED_RUNTIME,
            f"spec.resources.disk is {chosen['disk']}, more than the memory of {chosen['memory']}"
            " that it lies in",
        )
    return UsedResources(**chosen)


def _less(a: str | int, b: str | int) -> bool:
    return quantity.parse(a) < quantity.parse(b)
