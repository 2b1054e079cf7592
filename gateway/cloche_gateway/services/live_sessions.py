"""List a tenant's sessions, and change the times of a session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from cloche_api.resources.session import SessionPhase
from cloche_gateway.errors import (
    BusyError,
    InvalidRequestError,
    SessionFailedError,
    SessionNotFoundError,
)
from cloche_gateway.requests import session_manifest
from cloche_gateway.requests.queries import cursor
from cloche_gateway.services import sessions
from cloche_kube.errors import InvalidError, KubeError, NotFoundError

if TYPE_CHECKING:
    from cloche_gateway.cluster.keys import Caller
    from cloche_gateway.cluster.sessions import Session
    from cloche_gateway.context import Context
    from cloche_gateway.requests.queries import Page, Place
    from cloche_gateway.session_models import SessionChange

_TAKE_OVER_SECONDS = 10.0


def listed(context: Context, caller: Caller, page: Page) -> dict[str, Any]:
    """Return a page of the live sessions of the caller's tenant, as `session_models.SessionList`.

    They are those that the watch has reported, so a list costs no call to the API server.

    Raises:
        BusyError: the sessions have not been read yet.
    """
    found = sorted(context.sessions.of(caller.tenant), key=_place, reverse=True)
    if page.after is not None:
        found = [session for session in found if _place(session) < page.after]
    shown = found[: page.limit]
    more = len(found) > page.limit
    return {
        "sessions": [sessions.state(session) for session in shown],
        "next_cursor": cursor(_place(shown[-1])) if more else None,
    }


async def change(
    context: Context, caller: Caller, session_id: str, asked: SessionChange
) -> Session:
    """Change the times of a session, and return it once the operator has taken them over.

    Raises:
        InvalidRequestError: the request has no time.
        SessionFailedError: the installed CRDs do not match this gateway.
        SessionNotFoundError: as `sessions.look_up`.
        BusyError: as `sessions.look_up`, or the operator has not taken them over within 10 s.
    """
    times = session_manifest.times(asked)
    if not times:
        raise InvalidRequestError("body", "must have idle_timeout or lifetime")
    await sessions.look_up(context, caller, session_id)
    path = context.paths.session(session_id)
    with context.sessions.news(session_id) as news:
        try:
            changed = await context.kube.patch(path, {"spec": times}, seconds=sessions.CALL_SECONDS)
            generation: int = changed["metadata"]["generation"]
            async with asyncio.timeout(_TAKE_OVER_SECONDS):
                return await _taken_over(context, caller, session_id, generation, news)
        except NotFoundError:
            raise SessionNotFoundError(session_id) from None
        except InvalidError as error:
            raise SessionFailedError(sessions.OTHER_CRD) from error
        except (KubeError, TimeoutError) as error:
            raise BusyError from error


async def _taken_over(
    context: Context, caller: Caller, session_id: str, generation: int, news: asyncio.Event
) -> Session:
    """Wait until the operator has taken over this generation of the session, and return it.

    Raises:
        SessionNotFoundError: it ended before.
        KubeError: the API server does not answer.
    """
    while True:
        news.clear()
        known = context.sessions.find(session_id) or await sessions.read(context, session_id)
        session = sessions.visible(known, caller, session_id)
        # A session that is not ready yet begins with the times that its spec then has.
        pending = session.phase is SessionPhase.PENDING and session.generation >= generation
        if pending or session.observed_generation >= generation:
            return session
        await news.wait()


def _place(session: Session) -> Place:
    """Return the place of a session in chronological order."""
    return session.created_at, "", session.name
