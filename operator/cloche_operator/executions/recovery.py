"""Recovery of an execution whose connection was lost, or belonged to another operator."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from cloche_api.resources.phases import Reason
from cloche_kube.retry import retry_until_available
from cloche_operator.model.diagnosis import has_run, start_timeout
from cloche_operator.model.status import EndedError, NeverStartedError
from cloche_operator.pods.log_reader import SilentError

if TYPE_CHECKING:
    from cloche_operator.model.execution import Execution
    from cloche_operator.pods.log_reader import LogReader
    from cloche_operator.protocol.events import Transcript
    from cloche_operator.state.context import Context

# If no `started` event has come within this time, no part of the frame is on its way any more: its
# WebSocket is closed. A log can be followed that long only if containerd reads what containers
# write.
_IN_FLIGHT_SECONDS = 5.0


async def claimed_pod(ctx: Context, execution: Execution) -> dict[str, Any]:
    """Return the Pod that was claimed for the execution.

    Raises:
        EndedError: the Pod is gone.
        NeverStartedError: the Pod never got a node, so nothing can have been sent to it.
    """
    name = execution.pod_name
    pod = await retry_until_available(lambda: ctx.kube.get_pod(name)) if name else None
    if pod is None or pod["metadata"]["uid"] != execution.pod_uid:
        raise EndedError(
            Reason.POD_DELETED, "The Pod was deleted, and the program's result is lost."
        )
    if not pod["spec"].get("nodeName"):
        raise NeverStartedError
    return pod


async def recovered(
    ctx: Context, execution: Execution, reader: LogReader, limit: float
) -> Transcript:
    """Read the result from the Pod's log. `limit`: seconds that it may take once started.

    The time that the Pod has already run is not counted, because only other machines' clocks know
    it. So a hanging Pod gets more time than from the operator that started it, never less.

    Raises:
        EndedError: there is no result.
        NeverStartedError: the program never ran; the Pod may be deleted and created again.
    """
    try:
        async with asyncio.timeout(ctx.settings.start_timeout_seconds + limit):
            return await reader.read(start_within=_IN_FLIGHT_SECONDS)
    except TimeoutError as error:
        pod = await claimed_pod(ctx, execution)
        if not reader.started and not has_run(pod):
            raise start_timeout(pod, ctx.settings.start_timeout_seconds) from error
        return await reader.last_look()
    except SilentError:
        return await reader.read_after_input(limit)
