"""The cold start of an execution: a Pod of its own, claimed, attached, and greeted."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from cloche_api.phases import Reason
from cloche_api.rest import ApiError, ConflictError, TooLargeError, UnavailableError
from cloche_operator import status
from cloche_operator.attach import Attachment, attach
from cloche_operator.diagnosis import gone_unheard, start_problem, start_timeout
from cloche_operator.execution import from_object, now
from cloche_operator.frame import HELLO, PROTOCOL
from cloche_operator.outcome import EndedError
from cloche_operator.persist import persist
from cloche_operator.pods import PodPlan, cold_pod, pod_name

if TYPE_CHECKING:
    from datetime import datetime

    from cloche_operator.context import Context
    from cloche_operator.execution import Execution
    from cloche_operator.transcript import Transcript

_FIRST_TRY_SECONDS = 0.3  # no container has been seen to run sooner
_TRY_SECONDS = 0.025  # between two tries to attach, times the Pods that start at once
_READY_SECONDS = 10.0  # from an open attach to the supervisor's answer

log = logging.getLogger(__name__)


async def create_pod(ctx: Context, plan: PodPlan) -> dict[str, Any]:
    """Create the execution's own Pod.

    One that is there already is of a start that was cut off before the claim: its stdin may be
    closed, but no input was ever sent to it. It makes room for a new one.

    Raises:
        EndedError: PodRefused, when the API server will not have it.
    """
    manifest = cold_pod(plan, ctx.settings)
    while True:
        try:
            pod = await persist(lambda: ctx.kube.create_pod(manifest))
        except ConflictError as error:
            if error.reason == "AlreadyExists":
                await remove_pod(ctx, plan.execution)
            else:  # the quota was being written: the API server asks to try again
                log.info("Pod of %s to be created again: %s", plan.execution.name, error)
                await asyncio.sleep(_TRY_SECONDS)
        except ApiError as error:
            raise EndedError(Reason.POD_REFUSED, f"The Pod was refused: {error}") from error
        else:
            ctx.pods.seen(pod)
            return pod


async def remove_pod(ctx: Context, execution: Execution) -> None:
    """Delete the execution's own Pod, and return when it and its container are gone."""
    name = pod_name(execution.uid)
    while pod := await persist(lambda: ctx.kube.get_pod(name)):
        uid = pod["metadata"]["uid"]
        if "deletionTimestamp" not in pod["metadata"]:
            await persist(lambda uid=uid: ctx.kube.delete_pod(name, uid))  # type: ignore[misc]  # a lambda bound now
        await ctx.pods.changed(name, 1.0)


async def claim(
    ctx: Context, plan: PodPlan, generation: int, pod: dict[str, Any], queued: datetime
) -> Execution:
    """Write into the status that this Pod gets the execution's input.

    Returns the execution as it is then, once the write is acknowledged.

    Raises:
        EndedError: somebody else has it, or it was cancelled or deleted.
    """
    execution, version = plan.execution, plan.execution.resource_version
    wanted = status.running(
        pod=pod,
        used=plan.used,
        runtime_generation=generation,
        queued=queued,
        claimed=now(),
        warm=False,
    )
    while True:
        try:
            return from_object(
                await ctx.kube.patch_execution_status(
                    execution.name, execution.uid, wanted, version
                )
            )
        except (ConflictError, UnavailableError) as error:
            log.info("claim of %s to be looked at again: %s", execution.name, error)
        except TooLargeError as error:
            raise EndedError(
                Reason.RESULT_TOO_LARGE, "The execution leaves no room for a status beside it."
            ) from error
        except ApiError as error:
            raise EndedError(Reason.DELETED, f"The execution is gone: {error}") from error
        found = from_object(await _still_there(ctx, execution))
        if found.pod_uid == pod["metadata"]["uid"]:
            return found  # the answer was lost, not the write
        if found.ended or found.pod_uid != execution.pod_uid:
            raise EndedError(Reason.POD_DELETED, "Another operator has claimed the execution.")
        if found.spec.cancel:
            raise EndedError(Reason.CANCELLED, "The execution was cancelled.")
        version = found.resource_version


async def _still_there(ctx: Context, execution: Execution) -> dict[str, Any]:
    try:
        found = await persist(lambda: ctx.kube.get_execution(execution.name))
    except ApiError as error:
        raise EndedError(Reason.DELETED, f"The execution is gone: {error}") from error
    if found["metadata"]["uid"] != execution.uid:
        raise EndedError(Reason.DELETED, "The execution was deleted.")
    return found


class Starting:
    """Counts the Pods that start, so that their tries to attach together load the node evenly."""

    def __init__(self) -> None:
        self._count = 0

    async def attached(self, ctx: Context, pod: dict[str, Any]) -> Attachment:
        """Attach as soon as the container answers, which is before the Pod's phase says so.

        Raises:
            EndedError: it cannot start, or did not in time.
        """
        self._count += 1
        try:
            return await self._attached(ctx, pod)
        finally:
            self._count -= 1

    async def _attached(self, ctx: Context, pod: dict[str, Any]) -> Attachment:
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        clock = asyncio.get_running_loop().time
        deadline = clock() + ctx.settings.start_timeout_seconds
        await asyncio.sleep(_FIRST_TRY_SECONDS)
        while True:
            latest = ctx.pods.get(name, uid)
            if latest is None:
                raise gone_unheard(ctx.pods.last(uid))
            if problem := start_problem(latest):
                raise problem
            try:
                return await attach(ctx.rest, ctx.kube, name)
            except UnavailableError:
                pass
            if clock() > deadline:
                raise start_timeout(latest, ctx.settings.start_timeout_seconds)
            await ctx.pods.changed(name, _TRY_SECONDS * self._count)


async def greet(attachment: Attachment, transcript: Transcript) -> None:
    """Say hello and hear `ready`. Returns without it when the stream ends before.

    Raises:
        EndedError: ProtocolError, when something else answers, or nothing.
    """
    heard = "no answer"
    try:
        async with asyncio.timeout(_READY_SECONDS):
            await attachment.send(HELLO)
            while transcript.protocol is None and transcript.error is None:
                if (data := await attachment.read()) is None:
                    return
                transcript.feed(data)
    except ConnectionError:
        return
    except TimeoutError:
        pass
    if transcript.protocol == PROTOCOL:
        return
    if transcript.error or transcript.protocol:
        heard = transcript.error or f"protocol {transcript.protocol}"
    raise EndedError(
        Reason.PROTOCOL_ERROR,
        f"The supervisor in the image does not speak protocol {PROTOCOL}: {heard}",
    )
