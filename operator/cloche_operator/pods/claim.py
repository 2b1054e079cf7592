"""The claim: it assigns one Pod to one execution, exactly once each.

The claim of an execution is a compare-and-set on its resourceVersion. Of two operators that both
believe they lead, only one succeeds. Nothing is sent to the Pod before the write is acknowledged.
The Pod is labelled as well, so that the garbage collector and the next operator know its owner.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloche_api.resources.phases import Reason
from cloche_kube.errors import ApiError, ConflictError, TooLargeError, UnavailableError
from cloche_kube.retry import retry_until_available
from cloche_operator.model import status
from cloche_operator.model.execution import Execution, from_object, now
from cloche_operator.model.status import EndedError

if TYPE_CHECKING:
    from datetime import datetime

    from cloche_api.resources.amounts import UsedResources
    from cloche_operator.pods.sandbox import Sandbox
    from cloche_operator.state.context import Context

log = logging.getLogger(__name__)


class ClaimLostError(Exception):
    """Another operator has claimed the execution. `execution` is its current state."""

    def __init__(self, execution: Execution) -> None:
        super().__init__(execution.name)
        self.execution = execution


@dataclass(frozen=True)
class Claim:
    """The values that a claim writes into an execution's status."""

    pod: dict[str, Any]
    used: UsedResources
    runtime_generation: int
    queued: datetime
    warm: bool


async def claim(ctx: Context, execution: Execution, wanted: Claim) -> Execution:
    """Record in the status that this Pod gets the execution's input.

    Returns the updated execution, once the write is acknowledged.

    Raises:
        ClaimLostError: another operator has claimed it.
        EndedError: it was cancelled or deleted, or has no room for a status.
    """
    version = execution.resource_version
    fields = status.running(
        pod=wanted.pod,
        used=wanted.used,
        runtime_generation=wanted.runtime_generation,
        queued=wanted.queued,
        claimed=now(),
        warm=wanted.warm,
    )
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
        if found.pod_uid == wanted.pod["metadata"]["uid"]:
            return found  # the write succeeded, but its answer was lost
        if found.ended or found.pod_uid != execution.pod_uid:
            raise ClaimLostError(found)
        if found.spec.cancel:
            raise EndedError(Reason.CANCELLED, "The execution was cancelled.")
        version = found.resource_version


async def mark(
    ctx: Context, sandbox: Sandbox, labels: dict[str, str], patch: list[dict[str, Any]]
) -> None:
    """Label the Pod as claimed. If another operator owns it, close the connection.

    `labels`: those labels of the patch that distinguish this write from another operator's.
    """
    try:
        await retry_until_available(lambda: ctx.kube.patch_pod(sandbox.name, patch))
    except ApiError as error:
        pod = await retry_until_available(lambda: ctx.kube.get_pod(sandbox.name))
        if pod is not None and pod["metadata"]["uid"] == sandbox.uid:
            written = pod["metadata"].get("labels", {}).items()
            if labels.items() <= written:
                return  # the write succeeded, but its answer was lost
        log.warning("Pod %s is not used: %s", sandbox.name, error)
        await sandbox.close()


async def _still_there(ctx: Context, execution: Execution) -> dict[str, Any]:
    try:
        found = await retry_until_available(lambda: ctx.kube.get_execution(execution.name))
    except ApiError as error:
        raise EndedError(Reason.DELETED, f"The execution no longer exists: {error}") from error
    if found["metadata"]["uid"] != execution.uid:
        raise EndedError(Reason.DELETED, "The execution was deleted.")
    return found
