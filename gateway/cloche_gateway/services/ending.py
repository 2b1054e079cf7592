"""End what a caller does not want any more: one execution, or all of a session."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from cloche_api import limits
from cloche_api.meta import LABEL_SESSION, LABEL_TENANT, SESSION_PREFIX
from cloche_gateway import names
from cloche_gateway.errors import BusyError, ExecutionNotFoundError, SessionNotFoundError
from cloche_gateway.kube import ConflictError, InvalidError, KubeError, NotFoundError
from cloche_gateway.services import looking_up, sessions, tombstones

if TYPE_CHECKING:
    from cloche_gateway.context import Context
    from cloche_gateway.keys import Caller

_CALL_SECONDS = 10.0
_CLEAN_UP_SECONDS = 30.0
"""For all records of a session, which the API server deletes one by one."""


async def cancel(context: Context, caller: Caller, execution_id: str) -> dict[str, Any]:
    """Cancel an execution, unless it has ended; `models.StatusResponse` as it is then.

    Raises:
        ExecutionNotFoundError, BusyError: as `looking_up.status`.
    """
    state = await looking_up.status(context, caller, execution_id)
    if state["status"] not in ("pending", "running"):
        return state
    path = names.execution(context.settings.namespace, execution_id)
    try:
        await context.kube.patch(path, {"spec": {"cancel": True}}, seconds=_CALL_SECONDS)
    except NotFoundError:
        raise ExecutionNotFoundError(execution_id) from None
    except (ConflictError, InvalidError):
        pass  # it was changed meanwhile: how it is now says more
    except KubeError as error:
        raise BusyError(execution_id) from error
    context.reads.forget(execution_id)
    return await looking_up.status(context, caller, execution_id)


async def clean_up(context: Context, caller: Caller, session_id: str) -> None:
    """Stop what runs under that session's name, and remove what is kept of it, of the caller's.

    A stateful session ends with it.

    Raises:
        SessionNotFoundError: it can be no session's name.
        BusyError: when the API server does not do it now.
    """
    if not re.fullmatch(limits.LABEL_VALUE.rstrip("$"), session_id):
        raise SessionNotFoundError(session_id)
    if session_id.startswith(SESSION_PREFIX):
        with contextlib.suppress(SessionNotFoundError):  # of one that has ended, records are left
            await sessions.end(context, caller, session_id)
    selector = f"{LABEL_TENANT}={caller.tenant},{LABEL_SESSION}={session_id}"
    path = names.executions(context.settings.namespace)
    try:
        await tombstones.leave_all(context, caller.tenant, selector)
        await context.kube.delete_all(path, selector, seconds=_CLEAN_UP_SECONDS)
    except KubeError as error:
        raise BusyError from error
