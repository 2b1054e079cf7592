"""The bytes that executions write to etcd, as the leading operator counts them.

Each leader starts at zero. The gateways know what the previous leader had counted, because they
count their own executions and those that ended. The operator's limits are a tenth higher than those
of the gateways, so that a gateway refuses an execution before the operator does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloche_api.accounting.write_limit import WriteLimit, revisions

if TYPE_CHECKING:
    from cloche_operator.model.execution import Execution
    from cloche_operator.settings import Settings

_SLACK = 1.1


def write_limit(settings: Settings) -> WriteLimit:
    """Return the limit for these settings."""
    total, per_tenant = settings.write_bytes, settings.write_bytes_per_tenant
    return WriteLimit(int(total * _SLACK), int(per_tenant * _SLACK))


def count_end(writes: WriteLimit, execution: Execution, final: dict[str, Any]) -> None:
    """Charge what an execution with this final status has written."""
    writes.ended(
        execution.tenant,
        execution.uid,
        final["storedBytes"],
        revisions(final["phase"], claimed=execution.claimed),
        lambda: execution.size,
        source=execution.source_size,
    )
