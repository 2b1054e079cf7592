"""Taking up an execution whose connection to its Pod was lost, or was another operator's."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cloche_api.phases import Reason
from cloche_operator.diagnosis import start_timeout
from cloche_operator.execution import now
from cloche_operator.outcome import EndedError
from cloche_operator.persist import persist
from cloche_operator.result import NeverStartedError

if TYPE_CHECKING:
    from cloche_operator.context import Context
    from cloche_operator.execution import Execution
    from cloche_operator.result import LogReader
    from cloche_operator.transcript import Transcript

# After this long without a `started` event nothing of the frame is on its way: its websocket is
# closed. A log is followed that long only where containerd has read what the containers wrote.
_IN_FLIGHT_SECONDS = 5.0


async def claimed_pod(ctx: Context, execution: Execution) -> dict[str, Any]:
    """The Pod that was claimed for the execution.

    Raises:
        EndedError: it is gone.
        NeverStartedError: it never got a node, so that nothing can have been sent to it.
    """
    name = execution.pod_name
    pod = await persist(lambda: ctx.kube.get_pod(name)) if name else None
    if pod is None or pod["metadata"]["uid"] != execution.pod_uid:
        raise EndedError(Reason.POD_DELETED, "The Pod is gone, and with it the program's result.")
    if not pod["spec"].get("nodeName"):
        raise NeverStartedError
    return pod


async def recovered(
    ctx: Context, execution: Execution, reader: LogReader, limit: float
) -> Transcript:
    """Read the result from the Pod's log. `limit`: seconds that it may take once started.

    Raises:
        EndedError: there is none.
        NeverStartedError: the program never ran; the Pod is deleted, and may be made again.
    """
    latest = (execution.claimed_time or now()) + timedelta(
        seconds=ctx.settings.start_timeout_seconds
    )
    remaining = (latest - now()).total_seconds() + limit
    try:
        async with asyncio.timeout(max(remaining, 2 * _IN_FLIGHT_SECONDS)):
            return await reader.read(start_within=_IN_FLIGHT_SECONDS)
    except TimeoutError as error:
        if reader.transcript.started is None and not reader.greeted:
            pod = await claimed_pod(ctx, execution)
            raise start_timeout(pod, ctx.settings.start_timeout_seconds) from error
        return await reader.last_look()
    except NeverStartedError:
        return await reader.read_while_deleting()
