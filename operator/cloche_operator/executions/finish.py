"""Records the end of an execution. The final status is written once, with retries."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from cloche_api.accounting.write_limit import revisions
from cloche_api.resources.tombstone import KEY_SECONDS
from cloche_kube.errors import ApiError, ConflictError, InvalidError, NotFoundError, TooLargeError
from cloche_kube.retry import retry_until_available
from cloche_operator.model import status
from cloche_operator.model.execution import from_object, time_of
from cloche_operator.retention.removal import Leaving, remove
from cloche_operator.state.events import WARNED

if TYPE_CHECKING:
    from cloche_operator.model.execution import Execution
    from cloche_operator.state.context import Context

log = logging.getLogger(__name__)


async def record(ctx: Context, execution: Execution, final: dict[str, Any]) -> bool:
    """Write the final status, unless the execution no longer exists.

    Returns whether the execution is over. It is not if another operator works on it.
    """
    try:
        written = await _written(ctx, execution, final)
        if written is None:
            # The spec alone fills the object, so its end can never be recorded.
            log.warning("execution %s is too large for a status and is deleted", execution.name)
            await _remove(ctx, execution)
            return True
    except ApiError as error:
        log.info("result of %s is not recorded: %s", execution.name, error)
        return isinstance(error, NotFoundError)
    log.info("execution %s ended: %s %s", execution.name, final["phase"], final["reason"])
    ctx.records.ended(execution, written)
    _count_writes(ctx, execution, written)
    language = ctx.runtimes.label(execution.spec.language)
    ctx.metrics.ended.labels(language, written["phase"], written["reason"]).inc()
    _observe_steps(ctx, execution, written)
    if written["reason"] in WARNED:
        runtime = ctx.runtimes.named(language)
        ctx.events.execution_failed(execution, written["reason"], written["message"], runtime)
    return True


async def _remove(ctx: Context, execution: Execution) -> None:
    """Remove an execution that ends now. From now on its key expires by the API server's clock."""
    until = ctx.now().timestamp() + KEY_SECONDS
    key = execution.request_sha256 or ""
    leaving = Leaving(execution.name, execution.uid, execution.tenant, key, until)
    await retry_until_available(lambda: remove(ctx.kube, leaving, ctx.now()))


async def _written(
    ctx: Context, execution: Execution, final: dict[str, Any]
) -> dict[str, Any] | None:
    """Write the final status, or one without outputs if it is rejected; None if neither fits.

    Raises:
        ApiError: the execution is gone, or another operator has ended or claimed it.
    """
    for fields in (final, status.without_outputs(final)):
        try:
            await _write(ctx, execution, fields)
        except TooLargeError:
            log.warning("the result of %s is too large", execution.name)
        except InvalidError as error:
            log.warning("the result of %s is refused: %s", execution.name, error)
            if fields is not final:
                raise
        else:
            return fields
    return None


async def _write(ctx: Context, execution: Execution, fields: dict[str, Any]) -> None:
    """Write a final status, if the execution's claim is still the one that this operator knows.

    An operator that was frozen may report a Pod as lost that the current leader has replaced. So
    the end is written by compare-and-set, like the claim.

    Raises:
        ApiError: the execution is gone, has ended, or was claimed by another operator.
    """
    kube, version = ctx.kube, execution.resource_version
    while True:
        try:
            await retry_until_available(
                lambda version=version: kube.patch_execution_status(  # type: ignore[misc]  # bound now
                    execution.name, execution.uid, fields, version
                )
            )
        except ConflictError:
            obj = await retry_until_available(lambda: kube.get_execution(execution.name))
            found = from_object(obj)
            if obj.get("status", {}).get("recordedTime") == fields["recordedTime"]:
                return  # the write succeeded, but its answer was lost
            same = (found.uid, found.pod_uid) == (execution.uid, execution.pod_uid)
            if found.ended or not same:
                raise
            version = found.resource_version
        else:
            return


def _count_writes(ctx: Context, execution: Execution, final: dict[str, Any]) -> None:
    """Charge what the execution has written to etcd, now that the size of its result is known."""
    ctx.writes.ended(
        execution.tenant,
        execution.uid,
        final["storedBytes"],
        revisions(final["phase"], claimed=execution.claimed),
        lambda: execution.size,
        source=execution.source_size,
    )


def _observe_steps(ctx: Context, execution: Execution, final: dict[str, Any]) -> None:
    """Observe the duration of each step whose time is in the status."""
    times = {
        "queued": execution.queued_time,
        "claimed": execution.claimed_time,
        "started": time_of(final.get("startTime")),
        "finished": time_of(final.get("completionTime")),
        "recorded": time_of(final.get("recordedTime")),
    }
    before = None
    for step, time in times.items():
        if time is None:
            continue
        if before is not None:
            seconds = max(0.0, (time - before).total_seconds())
            ctx.metrics.steps.labels(step).observe(seconds)
        before = time
