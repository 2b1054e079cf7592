"""The writes of an execution's status: the claim, and the end. Each is a compare-and-set.

An execution may name a waiting Pod since its creation (`spec.waitingPod`). That counts as its claim
until a claim is written, or the Pod is refused.

The claim assigns one Pod to one execution, exactly once each. Of two operators that both believe
they lead, only one succeeds. Nothing is sent to the Pod before the write is acknowledged. A Pod of
a pool is labelled as well (`pools.pod_lease`), so that the garbage collector and the next operator
know its owner.

The final status is written once, with retries, if the claim is still the one that is known.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloche_api.accounting.write_limit import revisions
from cloche_api.resources.phases import Reason
from cloche_api.resources.tombstone import KEY_SECONDS
from cloche_kube.errors import (
    ApiError,
    ConflictError,
    InvalidError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
)
from cloche_kube.retry import retry_until_available
from cloche_operator.model import status
from cloche_operator.model.execution import Execution, from_object, now, time_of
from cloche_operator.model.status import EndedError
from cloche_operator.retention.removal import Leaving, remove
from cloche_operator.state.events import WARNED

if TYPE_CHECKING:
    from datetime import datetime

    from cloche_api.resources.amounts import UsedResources
    from cloche_api.resources.typed_dicts import ExecutionStatusDict
    from cloche_api.resources.typed_objects import ExecutionDict
    from cloche_operator.context import Context
    from cloche_operator.model.pod import Pod

log = logging.getLogger(__name__)


class ClaimLostError(Exception):
    """Another operator has claimed the execution. `execution` is its current state."""

    def __init__(self, execution: Execution) -> None:
        super().__init__(execution.name)
        self.execution = execution


@dataclass(frozen=True)
class Claim:
    """The values that a claim writes into an execution's status."""

    pod: Pod
    used: UsedResources
    runtime_generation: int
    queued: datetime
    warm: bool

    def fields(self) -> ExecutionStatusDict:
        """Return the status of an execution that is claimed now."""
        return status.running(
            pod=self.pod,
            used=self.used,
            runtime_generation=self.runtime_generation,
            queued=self.queued,
            claimed=now(),
            warm=self.warm,
        )


async def claim(ctx: Context, execution: Execution, wanted: Claim) -> Execution:
    """Record in the status that this Pod gets the execution's input.

    Returns the updated execution, once the write is acknowledged.

    Raises:
        ClaimLostError: another operator has claimed it.
        EndedError: it was cancelled or deleted, or has no room for a status.
    """
    version = execution.resource_version
    fields = wanted.fields()
    while True:
        try:
            version = await ctx.kube.patch_execution_status(
                execution.name, execution.uid, fields, version
            )
            return execution.with_status(fields, version)
        except (ConflictError, UnavailableError) as error:
            log.info("the claim of %s is checked again: %s", execution.name, error)
        except TooLargeError as error:
            raise EndedError(
                Reason.RESULT_TOO_LARGE,
                "The execution is too large: there is no room for its status.",
            ) from error
        except ApiError as error:
            raise EndedError(Reason.DELETED, f"The execution no longer exists: {error}") from error
        found = from_object(await _still_there(ctx, execution))
        if found.pod_uid == wanted.pod.uid and not found.offered:
            return found  # the write succeeded, but its answer was lost
        if found.ended or found.pod_uid not in {execution.pod_uid, None}:
            raise ClaimLostError(found)
        if found.spec.cancel:
            raise EndedError(Reason.CANCELLED, "The execution was cancelled.")
        version = found.resource_version


async def refuse(ctx: Context, execution: Execution) -> Execution:
    """Record that the Pod that the execution names does not get its input.

    Otherwise a later leader would have to look for its program in that Pod. An operator that was
    replaced must not write this, because the new leader may have sent the input to that Pod.
    """
    await ctx.lease.held()
    return await _update_offered(ctx, execution, {"waitingPodRefused": True})


async def show_running(ctx: Context, execution: Execution, claim: ExecutionStatusDict) -> Execution:
    """Write the claim of an execution whose input was sent to the Pod that it names."""
    return await _update_offered(ctx, execution, claim)


async def _update_offered(
    ctx: Context, execution: Execution, fields: ExecutionStatusDict
) -> Execution:
    """Write fields of the status, if no claim was written yet. Return the execution as it is then.

    If that fails, the next compare-and-set reports why.
    """
    version = execution.resource_version
    while True:
        try:
            version = await ctx.kube.patch_execution_status(
                execution.name, execution.uid, fields, version
            )
            return execution.with_status(fields, version)
        except (ConflictError, UnavailableError) as error:
            log.info("the status of %s is written again: %s", execution.name, error)
        except ApiError as error:
            log.info("the status of %s is not written: %s", execution.name, error)
            return execution
        try:
            found = from_object(await _still_there(ctx, execution))
        except EndedError:
            return execution
        if found.ended:
            return execution
        if not found.offered:
            return found if found.pod_uid in {execution.pod_uid, None} else execution
        version = found.resource_version


async def record(ctx: Context, execution: Execution, final: ExecutionStatusDict) -> bool:
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
    if (reason := Reason(written["reason"])) in WARNED:
        runtime = ctx.runtimes.named(language)
        ctx.events.execution_failed(execution, reason, written["message"], runtime)
    return True


async def _still_there(ctx: Context, execution: Execution) -> ExecutionDict:
    try:
        found = await retry_until_available(lambda: ctx.kube.get_execution(execution.name))
    except ApiError as error:
        raise EndedError(Reason.DELETED, f"The execution no longer exists: {error}") from error
    if found["metadata"]["uid"] != execution.uid:
        raise EndedError(Reason.DELETED, "The execution was deleted.")
    return found


async def _remove(ctx: Context, execution: Execution) -> None:
    """Remove an execution that ends now. From now on its key expires by the API server's clock."""
    until = ctx.now().timestamp() + KEY_SECONDS
    key = execution.request_sha256 or ""
    leaving = Leaving(execution.name, execution.uid, execution.tenant, key, until)
    await retry_until_available(lambda: remove(ctx.kube, leaving, ctx.now()))


async def _written(
    ctx: Context, execution: Execution, final: ExecutionStatusDict
) -> ExecutionStatusDict | None:
    """Write the final status, or one without outputs if it is rejected; None if neither fits.

    Raises:
        ApiError: the execution is gone, or another operator has ended or claimed it.
    """
    fields = final
    while True:
        try:
            await _write(ctx, execution, fields)
        except TooLargeError:
            log.warning("the result of %s is too large", execution.name)
            if fields is not final:
                return None
        except InvalidError as error:
            log.warning("the result of %s is refused: %s", execution.name, error)
            if fields is not final:
                raise
        else:
            return fields
        fields = status.without_outputs(final)


async def _write(ctx: Context, execution: Execution, fields: ExecutionStatusDict) -> None:
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
            now_there: ExecutionStatusDict = obj.get("status") or {}
            recorded: str | None = now_there.get("recordedTime")
            if recorded == fields["recordedTime"]:
                return  # the write succeeded, but its answer was lost
            same = (found.uid, found.pod_uid) == (execution.uid, execution.pod_uid)
            if found.ended or not same:
                raise
            version = found.resource_version
        else:
            return


def _count_writes(ctx: Context, execution: Execution, final: ExecutionStatusDict) -> None:
    """Charge what the execution has written to etcd, now that the size of its result is known."""
    ctx.writes.ended(
        execution.tenant,
        execution.uid,
        final["storedBytes"],
        revisions(final["phase"], claimed=execution.claimed and not execution.offered),
        lambda: execution.size,
        source=execution.source_size,
    )


def _observe_steps(ctx: Context, execution: Execution, final: ExecutionStatusDict) -> None:
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
