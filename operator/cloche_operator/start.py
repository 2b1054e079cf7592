"""The start of a Pod: created, attached as soon as it answers, and greeted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

from cloche_api import meta
from cloche_api.phases import Reason
from cloche_api.rest import ApiError, ConflictError, UnavailableError
from cloche_operator.attach import Attachment, attach
from cloche_operator.diagnosis import (
    gone_unheard,
    has_terminated,
    start_problem,
    start_timeout,
)
from cloche_operator.outcome import EndedError
from cloche_operator.persist import persist
from cloche_operator.result import LogReader, NeverStartedError, judged
from cloche_operator.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from cloche_operator.context import Context
    from cloche_operator.pods import PodShape

_FIRST_TRY_SECONDS = 0.3  # no container has been seen to run sooner
_END_SECONDS = 15.0  # for the log and the status of a container that has ended
_TRY_SECONDS = 0.025  # between two tries to attach, times the Pods that start at once
_TRY_REST = 4  # times what a try took: where processors are short, tries take less of them
_PATIENT_SECONDS = 0.2  # the same, for a Pod that nobody waits for

log = logging.getLogger(__name__)


async def create_pod(ctx: Context, build: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
    """Create a Pod. `build` makes its manifest for a user that no other Pod runs as.

    One of that name is of a start that was cut off before the claim: its stdin may be closed, but
    no input was ever sent to it. It makes room for a new one.

    Raises:
        EndedError: PodRefused, when the API server will not have it.
    """
    user = ctx.pods.take_user()
    manifest = build(user)
    name = manifest["metadata"]["name"]
    try:
        while True:
            try:
                pod = await persist(lambda: ctx.kube.create_pod(manifest))
            except ConflictError as error:
                if error.reason == "AlreadyExists":
                    await ctx.lease.held()  # else it may be the Pod of whoever leads now
                    await remove_pod(ctx, name)
                else:  # the quota was being written: the API server asks to try again
                    log.info("Pod %s to be created again: %s", name, error)
                    await asyncio.sleep(_TRY_SECONDS)
            except ApiError as error:
                raise EndedError(Reason.POD_REFUSED, f"The Pod was refused: {error}") from error
            else:
                ctx.pods.seen(pod)  # and with it, who its user is
                return pod
    finally:
        ctx.pods.give_user_back(user)


async def create_whatever_happens(
    ctx: Context, build: Callable[[int], dict[str, Any]], made: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Create a Pod, and tell `made` of it even when the caller is cancelled meanwhile.

    Without that nobody would remove a Pod that was on its way.
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
    """Delete the Pod of that name, and return when it and its container are gone."""
    while pod := await persist(lambda: ctx.kube.get_pod(name)):
        uid = pod["metadata"]["uid"]
        if "deletionTimestamp" not in pod["metadata"]:
            await persist(lambda uid=uid: ctx.kube.delete_pod(name, uid))  # type: ignore[misc]  # a lambda bound now
        await ctx.pods.changed(name, 1.0)


async def greet(ctx: Context, sandbox: Sandbox) -> None:
    """Say hello and hear `ready`.

    Raises:
        EndedError: something else answers than a supervisor of this protocol, or nothing.
        NeverStartedError: the connection was lost.
    """
    if not await sandbox.greet():
        await raise_end(ctx, sandbox.pod)


async def raise_end(ctx: Context, pod: dict[str, Any]) -> NoReturn:
    """Tell why a Pod ended to which nothing was sent, by its log and its status.

    An attach that was given up comes about all the same once the API server has time for it, and
    ends at once. With it the container's input ends: its supervisor says so, and is not to blame.

    Raises:
        EndedError: the image, the node or somebody ended it.
        NeverStartedError: its input ended.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_END_SECONDS):
            judged(await LogReader(ctx, pod, "").read())
    raise EndedError(
        Reason.PROTOCOL_ERROR,
        "The container closed its output before it was ready: is the supervisor in the image?",
    )


async def _is_meant(ctx: Context, pod: dict[str, Any]) -> bool:
    """Whether an attach that stands has reached this Pod, and none that took its name before.

    The attach is by name, and that of a Pod of one execution is used again. If the name is still
    this Pod's, it was when the attach was made.
    """
    of = pod["metadata"]
    if of["labels"].get(meta.LABEL_STATE) == meta.STATE_WAITING:
        return True  # of the pool: the name is like no other
    found = await persist(lambda: ctx.kube.get_pod(of["name"]))
    return found is not None and bool(found["metadata"]["uid"] == of["uid"])


class Starting:
    """Counts the Pods that start, so that their tries to attach together load the node evenly."""

    def __init__(self) -> None:
        self._count = 0

    async def opened(
        self, ctx: Context, pod: dict[str, Any], shape: PodShape, urgent: Callable[[], bool]
    ) -> Sandbox:
        """Attach as soon as the container answers, which is before the Pod's phase says so.

        `urgent` says whether somebody waits for the Pod: a try is three TLS handshakes.

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
            return Sandbox(pod, shape, attachment, lambda: persist(lambda: ctx.kube.get_pod(name)))
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
