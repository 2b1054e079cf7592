"""Cancel an execution, remove its record, or remove all executions of a session."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from cloche_api.meta import SESSION_PREFIX
from cloche_api.resources.source import is_name_for
from cloche_gateway.cluster import waiters
from cloche_gateway.errors import (
    BusyError,
    ExecutionNotFoundError,
    SessionNotFoundError,
    StillRunningError,
)
from cloche_gateway.requests import manifest
from cloche_gateway.services import lookup, sessions, tombstones
from cloche_kube.client import METADATA_LIST
from cloche_kube.errors import ConflictError, InvalidError, KubeError, NotFoundError

if TYPE_CHECKING:
    from datetime import datetime

    from cloche_api.resources.typed_objects import ExecutionSpecDict, SourceReferenceDict
    from cloche_gateway.cluster.keys import Caller
    from cloche_gateway.context import Context

_CALL_SECONDS = 10.0
_CLEAN_UP_SECONDS = 30.0
"""Deadline for removing all records of a session, which can be some thousands."""
_AT_A_TIME = 8  # concurrent deletions; more are hardly faster on two cores
_PAGE = "100"


async def cancel(context: Context, caller: Caller, execution_id: str) -> dict[str, Any]:
    """Cancel an execution and return its `models.StatusResponse` afterwards.

    An execution that has ended is not changed.

    Raises:
        ExecutionNotFoundError, BusyError: as `lookup.status`.
    """
    state = await lookup.status(context, caller, execution_id)
    if state["status"] not in ("pending", "running"):
        return state
    path = context.paths.execution(execution_id)
    try:
        await context.kube.patch(path, {"spec": {"cancel": True}}, seconds=_CALL_SECONDS)
    except NotFoundError:
        raise ExecutionNotFoundError(execution_id) from None
    except (ConflictError, InvalidError):
        pass  # It changed in the meantime; its current status is returned below.
    except KubeError as error:
        raise BusyError(execution_id) from error
    context.reads.forget(execution_id)
    return await lookup.status(context, caller, execution_id)


async def clean_up(context: Context, caller: Caller, session_id: str) -> None:
    """Stop the caller's executions with this session id and remove their records.

    A stateful session with this id is ended too. To find the executions, the API server scans all
    executions of the tenant, as for a list.

    Raises:
        BusyError: the API server does not answer, or removal takes longer than 30 s.
    """
    if session_id.startswith(SESSION_PREFIX):
        with contextlib.suppress(SessionNotFoundError):  # Records outlive an ended session.
            await sessions.end(context, caller, session_id)
    selector = f"spec.tenant={caller.tenant},spec.session={manifest.session_label(session_id)}"
    try:
        async with asyncio.timeout(_CLEAN_UP_SECONDS):
            await _remove_all(context, caller, selector)
    except (KubeError, TimeoutError) as error:
        raise BusyError from error


async def purge(context: Context, caller: Caller, execution_id: str) -> None:
    """Remove the record of an ended execution: its source, its input and its output.

    Its Idempotency-Key is kept, so that a retry of the request is not run again.

    Raises:
        StillRunningError: the execution has not ended.
        ExecutionNotFoundError, BusyError: as `lookup.status`.
    """
    obj = await lookup.read(context.waiters.read, caller, execution_id)
    if not waiters.is_terminal(obj):
        raise StillRunningError(execution_id)
    try:
        await remove(context, obj)
    except KubeError as error:
        raise BusyError(execution_id) from error
    finally:
        context.reads.forget(execution_id)


async def remove(context: Context, record: dict[str, Any]) -> None:
    """Remove the record of an ended execution, if it still exists.

    `record` is the whole SandboxExecution. Its SandboxSource, which the operator may not have
    deleted yet, is deleted first, because afterwards no object refers to it.

    Raises:
        KubeError: the record was not removed.
    """
    spec: ExecutionSpecDict = record["spec"]
    source: SourceReferenceDict | None = spec.get("source")
    name: str = record["metadata"]["name"]
    if source is not None and is_name_for(source["name"], name):
        path = context.paths.source(source["name"])
        with contextlib.suppress(NotFoundError):
            await context.kube.delete(path, seconds=_CALL_SECONDS)
    tenant: str = spec.get("tenant", "")
    until = tombstones.expiration(context, record)
    await _remove(context, record["metadata"], tenant, until)


async def _remove(context: Context, meta: dict[str, Any], tenant: str, until: datetime) -> None:
    """Keep the Idempotency-Key until `until`, then delete the execution with this metadata.

    The gateway deletes executions only here.

    Raises:
        KubeError: the execution was not deleted.
    """
    await tombstones.leave(context, meta, tenant, until)
    path = context.paths.execution(meta["name"])
    with contextlib.suppress(NotFoundError):
        await context.kube.delete(path, seconds=_CALL_SECONDS, uid=meta["uid"])


async def _remove_all(context: Context, caller: Caller, selector: str) -> None:
    """Remove all executions that match the field selector, ended or not, 8 at a time."""
    turns = asyncio.Semaphore(_AT_A_TIME)
    until = tombstones.usual_expiration(context)

    async def in_turn(meta: dict[str, Any]) -> None:
        async with turns:
            await _remove(context, meta, caller.tenant, until)

    params = {"fieldSelector": selector, "limit": _PAGE}
    while True:
        async with context.lists:  # only for the list; the removal takes longer
            page = await context.kube.get(
                context.paths.executions,
                seconds=_CALL_SECONDS,
                accept=METADATA_LIST,
                params=params,
            )
        await asyncio.gather(*(in_turn(item["metadata"]) for item in page["items"] or []))
        if not (more := page["metadata"].get("continue")):
            return
        params["continue"] = more
