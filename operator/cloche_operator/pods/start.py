"""Starting a Pod: create it, attach to it as soon as it answers, and greet it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

from cloche_api import meta
from cloche_api.resources.phases import Reason
from cloche_kube.errors import AlreadyExistsError, ApiError, ConflictError, UnavailableError
from cloche_kube.retry import retry_until_available
from cloche_operator.model.diagnosis import (
    gone_unheard,
    has_terminated,
    start_problem,
    start_timeout,
)
from cloche_operator.model.status import EndedError, NeverStartedError, judged
from cloche_operator.pods.log_reader import LogReader
from cloche_operator.pods.sandbox import Attachment, Sandbox, attach

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from cloche_operator.model.pod_manifest import PodShape
    from cloche_operator.state.context import Context

_FIRST_TRY_SECONDS = 0.3  # no container has been seen to run sooner
_END_SECONDS = 15.0  # to read the log and the status of a container that has ended
_TRY_SECONDS = 0.025  # between two attempts to attach, times the number of starting Pods
_TRY_REST = 4  # least pause, in durations of the last attempt: busy CPUs get fewer
_PATIENT_SECONDS = 0.2  # the same, for a Pod that no execution waits for

log = logging.getLogger(__name__)


async def create_pod(ctx: Context, build: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
    """Create a Pod. `build` returns its manifest for a user (UID) that no other Pod runs as.

    A Pod with the same name is from a start that was interrupted before the claim. Its stdin may be
    closed, but no input was ever sent to it. It is deleted first.

    Raises:
        EndedError: PodRefused, if the API server rejects it; Unschedulable, if no user is free.
    """
    user = ctx.pods.take_user()
    manifest = build(user)
    name = manifest["metadata"]["name"]
    try:
        while True:
            try:
                pod = await retry_until_available(lambda: ctx.kube.create_pod(manifest))
            except AlreadyExistsError:
                await ctx.lease.held()  # otherwise it may be the current leader's
                await remove_pod(ctx, name)
            except ConflictError as error:  # the quota was being updated
                log.info("Pod %s is created again: %s", name, error)
                await asyncio.sleep(_TRY_SECONDS)
            except ApiError as error:
                raise EndedError(
                    Reason.POD_REFUSED, f"The API server rejected the Pod: {error}"
                ) from error
            else:
                ctx.pods.seen(pod)  # now the cache knows its user
                return pod
    finally:
        ctx.pods.give_user_back(user)


async def create_whatever_happens(
    ctx: Context, build: Callable[[int], dict[str, Any]], made: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Create a Pod, and pass it to `made` even if the caller is cancelled meanwhile.

    Otherwise a Pod whose creation was under way would never be removed.
    """
    creating = asyncio.ensure_future(create_pod(ctx, build))
    try:
        pod = await asyncio.shield(creating)
    except asyncio.CancelledError:
        with contextlib.suppress(EndedError):
            made(await creating)
        raise
    made(pod)
    return pod


async def remove_pod(ctx: Context, name: str) -> None:
    """Delete the Pod with this name, and wait until it and its container are gone."""
    while pod := await retry_until_available(lambda: ctx.kube.get_pod(name)):
        uid = pod["metadata"]["uid"]
        if "deletionTimestamp" not in pod["metadata"]:
            await ctx.kube.ensure_pod_deleted(name, uid)
        await ctx.pods.changed(name, 1.0)


async def greet(ctx: Context, sandbox: Sandbox) -> None:
    """Send the hello and wait for `ready`.

    Raises:
        EndedError: anything but a supervisor of this protocol answers, or nothing does.
        NeverStartedError: the connection was lost.
    """
    if not await sandbox.greet():
        await raise_end(ctx, sandbox.pod)


async def raise_end(ctx: Context, pod: dict[str, Any]) -> NoReturn:
    """Raise why a Pod ended before anything was sent to it, from its log and its status.

    An attach that was given up still takes effect once the API server has time for it, and ends at
    once. This ends the container's input. The supervisor reports that and is not at fault.

    Raises:
        EndedError: the image, the node or a user caused the end.
        NeverStartedError: its input ended.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_END_SECONDS):
            judged(await LogReader(ctx, pod, "").read())
    raise EndedError(
        Reason.PROTOCOL_ERROR,
        "The container closed its output before it was ready. "
        "Does the image contain the supervisor?",
    )


async def _is_meant(ctx: Context, pod: dict[str, Any]) -> bool:
    """Return whether an open attach has reached this Pod, and not an earlier one of its name.

    An attach is by name, and the name of an execution's own Pod is used again. If this Pod has the
    name now, it had it when the attach was made.
    """
    of = pod["metadata"]
    if of["labels"].get(meta.LABEL_STATE) == meta.STATE_WAITING:
        return True  # of a pool: the name is unique
    found = await retry_until_available(lambda: ctx.kube.get_pod(of["name"]))
    return found is not None and bool(found["metadata"]["uid"] == of["uid"])


class Starting:
    """Counts the starting Pods, so that their attempts to attach do not overload the node."""

    def __init__(self) -> None:
        self._count = 0

    async def opened(
        self, ctx: Context, pod: dict[str, Any], shape: PodShape, urgent: Callable[[], bool]
    ) -> Sandbox:
        """Attach as soon as the container answers, which is before the Pod's phase shows it.

        `urgent` returns whether an execution waits for the Pod. Each attempt takes three TLS
        handshakes.

        Raises:
            EndedError: it cannot start, or did not in time.
            NeverStartedError: the connection was lost.
        """
        name = pod["metadata"]["name"]
        self._count += 1
        try:
            attachment = await self._attached(ctx, pod, urgent)
            if not await _is_meant(ctx, pod):
                await attachment.close()
                raise NeverStartedError
            return Sandbox(
                pod,
                shape,
                attachment,
                lambda: retry_until_available(lambda: ctx.kube.get_pod(name)),
            )
        finally:
            self._count -= 1

    async def _attached(
        self, ctx: Context, pod: dict[str, Any], urgent: Callable[[], bool]
    ) -> Attachment:
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        clock = asyncio.get_running_loop().time
        deadline = clock() + ctx.settings.start_timeout_seconds
        await asyncio.sleep(_FIRST_TRY_SECONDS)
        while True:
            latest = ctx.pods.get(name, uid)
            if latest is None:
                raise gone_unheard(ctx.pods.last(uid))
            if has_terminated(latest):
                await raise_end(ctx, latest)
            if problem := start_problem(latest):
                raise problem
            began = clock()
            try:
                return await attach(ctx.rest, ctx.kube, name)
            except UnavailableError:
                took = clock() - began
            if clock() > deadline:
                raise start_timeout(latest, ctx.settings.start_timeout_seconds)
            seconds = (_TRY_SECONDS if urgent() else _PATIENT_SECONDS) * self._count
            await ctx.pods.changed(name, max(seconds, _TRY_REST * took))
