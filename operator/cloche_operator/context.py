"""The components that the modules of the operator share, built once at start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cloche_api.accounting.budget import ByteBudget
    from cloche_api.accounting.write_limit import WriteLimit
    from cloche_kube.client import Rest
    from cloche_operator.kube.api import Kube
    from cloche_operator.metrics import Metrics
    from cloche_operator.queue.capacity import Capacity
    from cloche_operator.retention.index import Records
    from cloche_operator.settings import Settings
    from cloche_operator.state.cache import Pods, Runtimes
    from cloche_operator.state.container_starts import ContainerStarts
    from cloche_operator.state.events import Events
    from cloche_operator.state.lease import Lease
    from cloche_operator.state.pod_uses import PodUses


@dataclass(frozen=True)
class Context:
    """The components of one operator."""

    settings: Settings
    rest: Rest
    kube: Kube
    pods: Pods
    uses: PodUses
    container_starts: ContainerStarts
    runtimes: Runtimes
    metrics: Metrics
    lease: Lease
    events: Events
    capacity: Capacity
    budget: ByteBudget
    records: Records
    writes: WriteLimit
    now: Callable[[], datetime]
    """Returns the API server's time, to compare with times that other machines wrote."""
