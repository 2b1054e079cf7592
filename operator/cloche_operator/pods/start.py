"""Starting a Pod: create it, attach to it as soon as it answers, and greet it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

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

    from cloche_operator.context import Context
    from cloche_operator.model.pod import Pod
    from cloche_operator.model.pod_manifest import PodShape
    from cloche_operator.model.pod_types import PodManifest

_AGAIN_SECONDS = 0.025  # after the quota was being updated
_END_SECONDS = 15.0  # to read the log and the status of a container that has ended
_UNTOLD_SECONDS = (1.0, 0.5)
"""Seconds to the first attempt to attach without a sign that the container runs, and from it to the
second, times the number of starting Pods. Each attempt takes three TLS handshakes, and one in
vain delays the start that it waits for."""
_BLIND_SECONDS = (0.3, 0.2)
"""The same while no watch of Events is open. No container has been seen to run sooner."""
_LONGEST_SECONDS = 2.0
"""Longest pause between two attempts without a sign, times the number of starting Pods. The pauses
double, because a start takes long on a busy node, which each attempt loads further."""
_LEAST_SECONDS = 0.025
"""Least pause after an attempt, times the number of starting Pods, however many Events arrive."""
_REST = 4
"""Least pause after an attempt, in durations of that attempt: busy CPUs get fewer."""

log = logging.getLogger(__name__)


async def create_pod(ctx: Context, build: Callable[[int], PodManifest]) -> Pod:
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
                await asyncio.sleep(_AGAIN_SECONDS)
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
    ctx: Context, build: Callable[[int], PodManifest], made: Callable[[Pod], None]
) -> Pod:
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
        if not pod.being_deleted:
            await ctx.kube.ensure_pod_deleted(name, pod.uid)
        await ctx.pods.changed(name, 1.0)


async def greet(ctx: Context, sandbox: Sandbox) -> None:
    """Send the hello and wait for `ready`.

    Raises:
        EndedError: anything but a supervisor of this protocol answers, or nothing does.
        NeverStartedError: the connection was lost.
    """
    if not await sandbox.greet():
        await raise_end(ctx, sandbox.pod)


async def raise_end(ctx: Context, pod: Pod) -> NoReturn:
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


async def _is_meant(ctx: Context, pod: Pod) -> bool:
    """Return whether an open attach has reached this Pod, and not an earlier one of its name.

    An attach is by name, and the name of an execution's own Pod is used again. If this Pod has the
    name now, it had it when the attach was made.
    """
    if pod.waits:
        return True  # of a pool: the name is unique
    found = await retry_until_available(lambda: ctx.kube.get_pod(pod.name))
    return found is not None and found.uid == pod.uid


class Attempts:
    """When the next attempt to attach to a starting Pod is due.

    A client that may create Events or write the status of Pods can cause attempts in vain. Their
    number is limited to one in `_LEAST_SECONDS` for all starting Pods, and to a fifth of the time.

    Args:
        pauses: seconds to the first attempt, and from it to the second, without a sign that the
            container runs; times the number of starting Pods.
        starting: returns how many Pods start now, this one included.
        deadline: the time of the last attempt at the latest, on the same clock.
    """

    def __init__(
        self,
        pauses: tuple[float, float],
        starting: Callable[[], int],
        clock: Callable[[], float],
        deadline: float,
    ) -> None:
        self._starting = starting
        self._clock = clock
        self._deadline = deadline
        first, self._pause = pauses
        self._told = clock()
        self._untold = min(clock() + first * starting(), deadline)

    def due(self, *, told: bool) -> float:
        """Return the time of the next attempt. `told`: there is a sign that the container runs."""
        return self._told if told else self._untold

    def failed(self, took: float) -> None:
        """Record that an attempt ended without an attachment, after this many seconds."""
        now = self._clock()
        self._told = now + max(_LEAST_SECONDS * self._starting(), _REST * took)
        later = now + self._pause * self._starting()
        self._pause = min(2 * self._pause, _LONGEST_SECONDS)
        self._untold = max(self._told, min(later, self._deadline))


class Starting:
    """Counts the starting Pods, so that their attempts to attach do not overload the node."""

    def __init__(self) -> None:
        self._count = 0

    async def opened(self, ctx: Context, pod: Pod, shape: PodShape) -> Sandbox:
        """Attach as soon as the kubelet has started the container.

        Raises:
            EndedError: it cannot start, or did not in time.
            NeverStartedError: the connection was lost.
        """
        self._count += 1
        try:
            attachment = await self._attached(ctx, pod)
            if not await _is_meant(ctx, pod):
                await attachment.close()
                raise NeverStartedError
            return Sandbox(
                pod,
                shape,
                attachment,
                lambda: retry_until_available(lambda: ctx.kube.get_pod(pod.name)),
            )
        finally:
            self._count -= 1

    async def _attached(self, ctx: Context, pod: Pod) -> Attachment:
        """Attach when the container seems to run, and now and then without a sign of that.

        An attach to a container that does not run yet is refused and has no effect.
        """
        name, uid = pod.name, pod.uid
        clock = asyncio.get_running_loop().time
        deadline = clock() + ctx.settings.start_timeout_seconds
        with ctx.container_starts.awaited(pod) as hint:
            attempts = Attempts(self._pauses(ctx), lambda: self._count, clock, deadline)
            while True:
                latest = ctx.pods.get(name, uid)
                if latest is None:
                    raise gone_unheard(ctx.pods.last(uid))
                if has_terminated(latest):
                    await raise_end(ctx, latest)
                if problem := start_problem(latest):
                    raise problem
                wait = attempts.due(told=hint.arrived or latest.status.running) - clock()
                if wait > 0 and clock() >= deadline:
                    raise start_timeout(latest, ctx.settings.start_timeout_seconds)
                if wait > 0:
                    await ctx.pods.changed(name, wait)
                    continue
                hint.arrived = False
                began = clock()
                try:
                    return await attach(ctx.rest, ctx.kube, name)
                except UnavailableError:
                    attempts.failed(took=clock() - began)

    def _pauses(self, ctx: Context) -> tuple[float, float]:
        return _UNTOLD_SECONDS if ctx.container_starts.followed else _BLIND_SECONDS
