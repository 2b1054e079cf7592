"""Taking up an execution whose connection to its Pod was lost, or was another operator's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from cloche_api.phases import Reason
from cloche_operator.diagnosis import has_run, start_timeout
from cloche_operator.outcome import EndedError
from cloche_operator.persist import persist
from cloche_operator.result import NeverStartedError, SilentError

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

    How long the Pod has run already is not asked: only other machines' clocks know. So one that
    hangs is waited for longer than by the operator that started it, never shorter.

    Raises:
        EndedError: there is none.
        NeverStartedError: the program never ran; the Pod may be deleted, and made again.
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
