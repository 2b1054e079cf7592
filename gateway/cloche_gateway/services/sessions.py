"""Create, read and end stateful sessions, and check requests that run in one."""

from __future__ import annotations

import asyncio
import re
import uuid
from typing import TYPE_CHECKING, Any

from cloche_api.meta import SESSION_PREFIX
from cloche_api.resources.session import SessionPhase
from cloche_gateway import results
from cloche_gateway.cluster.sessions import Session, session_of
from cloche_gateway.errors import (
    BusyError,
    ClientGoneError,
    FailedError,
    InvalidRequestError,
    SessionFailedError,
    SessionNotFoundError,
    UnsupportedLanguageError,
)
from cloche_gateway.requests import manifest, validation
from cloche_gateway.services import submission
from cloche_kube.errors import KubeError, NotFoundError
from cloche_kube.tasks import first_of

if TYPE_CHECKING:
    from cloche_gateway.cluster.keys import Caller
    from cloche_gateway.cluster.languages import Language
    from cloche_gateway.context import Context
    from cloche_gateway.models import ExecuteRequest
    from cloche_gateway.session_models import SessionRequest

CALL_SECONDS = 10.0
_DELAY_SECONDS = 0.5
OTHER_CRD = "the CustomResourceDefinition of SandboxSession is missing or of another version"
_NAME = re.compile(SESSION_PREFIX + r"[0-9a-z]([0-9a-z-]{0,57}[0-9a-z])?")


async def create(
    context: Context,
    caller: Caller,
    request: SessionRequest,
    request_id: str,
    gone: asyncio.Future[None],
) -> Session:
    """Create a session and wait until it is ready to run programs.

    The session is deleted if it is not ready in time, or if the client disconnects.

    Raises:
        BusyError: it was not ready within the queue timeout plus the wait margin.
        SessionFailedError: it ended before it was ready.
        ClientGoneError: `gone` was done first.
        InvalidRequestError: the language has no interpreter that can be kept.
        GatewayError: as `submission.create` and `validation.check_resources`.
    """
    language = context.languages.find(request.language)
    if request.resources is not None:
        validation.check_resources(request.resources, language)
    if request.stateful is not None and not language.has_cells:
        raise InvalidRequestError("stateful", _stateful_rule(context, language))
    name = f"{SESSION_PREFIX}{uuid.uuid4()}"
    obj = manifest.session(name, request, language, caller, request_id)
    uid = None
    with context.sessions.news(name) as news:
        try:
            uid = (await submission.create(context, context.paths.sessions, obj)).uid
            return await _ready(context, name, news, gone)
        except (BusyError, ClientGoneError, asyncio.CancelledError) as error:
            if uid is not None or not isinstance(error, BusyError):
                context.canceller.end_session(name, unsure=uid is None)
            elif isinstance(error, submission.UnsureError):
                context.canceller.end_session(name, unsure=True)
            if isinstance(error, BusyError):
                raise BusyError from error  # without `execution_id`: the name is a session's
            raise
        except FailedError as error:
            raise SessionFailedError(OTHER_CRD) from error


async def _ready(
    context: Context, name: str, news: asyncio.Event, gone: asyncio.Future[None]
) -> Session:
    """Wait until the session is ready and return it.

    Raises:
        BusyError, ClientGoneError, SessionFailedError: as `create`.
    """
    settings = context.settings
    try:
        async with asyncio.timeout(settings.queue_timeout_seconds + settings.wait_margin_seconds):
            while True:
                first = await first_of(gone, context.draining, news.wait())
                if first is gone:
                    raise ClientGoneError
                if first is context.draining:
                    raise BusyError
                news.clear()
                session = context.sessions.find(name) or await _read_surely(context, name)
                if session is None:
                    raise SessionFailedError("it was deleted before it was ready")
                if session.phase is SessionPhase.READY or session.expired:
                    return session
                if not session.live:
                    raise _failed(session)
    except TimeoutError:
        raise BusyError from None


def _stateful_rule(context: Context, language: Language) -> str:
    names = context.languages.supported()
    able = [name for name in names if context.languages.find(name).has_cells]
    others = f"; languages that have one: {', '.join(able)}" if able else ""
    return f"must be absent, because {language.name} has no interpreter that can be kept{others}"


def made(session: Session) -> dict[str, Any]:
    """Return the `session_models.SessionResponse` of a session."""
    kept = {"stateful": "interpreter"} if session.keeps_interpreter else {}
    return {
        "session_id": session.name,
        "language": session.language,
        "expires_at": session.expires_at,
        **kept,
    }


def state(session: Session) -> dict[str, Any]:
    """Return the `session_models.SessionState` of a session."""
    return made(session) | {
        "phase": session.phase,
        "created_at": session.created_at,
        "last_used_at": session.last_used_at,
    }


async def look_up(context: Context, caller: Caller, session_id: str) -> Session:
    """Read the session from the API server.

    Raises:
        SessionNotFoundError: it does not exist, has ended, or belongs to another tenant.
        BusyError: the API server does not answer.
    """
    try:
        session = await read(context, session_id)
    except KubeError as error:
        raise BusyError from error
    return visible(session, caller, session_id)


async def end(context: Context, caller: Caller, session_id: str) -> None:
    """Delete the session, and with it its Pod and its files.

    Raises:
        GatewayError: as `look_up`.
    """
    session = await look_up(context, caller, session_id)
    path = context.paths.session(session_id)
    try:
        await context.kube.delete(path, seconds=CALL_SECONDS, uid=session.uid)
    except NotFoundError:
        raise SessionNotFoundError(session_id) from None
    except KubeError as error:
        raise BusyError from error


async def live(context: Context, caller: Caller, name: str) -> Session:
    """Return the session, as the watch knows it or else as the API server does.

    Raises:
        SessionNotFoundError, BusyError: as `look_up`.
    """
    known = context.sessions.find(name)
    if known is None:  # The watch may lag, such as when another replica has just created it.
        return await look_up(context, caller, name)
    return visible(known, caller, name)


async def check(
    context: Context, caller: Caller, name: str, request: ExecuteRequest, language: Language
) -> None:
    """Check that the request may run in the stateful session of this name.

    Raises:
        SessionNotFoundError, BusyError: as `look_up`.
        InvalidRequestError: the request's language is not the session's, or the request sets
            resources. A session has its own resources, which all its executions share. Or as
            `validation.check_cell`.
    """
    session = await live(context, caller, name)
    if _language_name(context, session.language) != language.name:
        raise InvalidRequestError(
            "language", f"must be {session.language}, the language of session {name}"
        )
    if request.resources is not None:
        raise InvalidRequestError(
            "resources", "must be absent in a session: set them when you create the session"
        )
    if session.keeps_interpreter:
        validation.check_cell(request)


def _language_name(context: Context, word: str) -> str:
    """Return the name of the language with this name or alias.

    A session created with kubectl may have an alias in its spec.
    """
    try:
        return context.languages.find(word).name
    except UnsupportedLanguageError:
        return word


def visible(session: Session | None, caller: Caller, session_id: str) -> Session:
    """Return the session, if it is a live one of the caller's tenant.

    Raises:
        SessionNotFoundError: it is not.
    """
    if session is None or not session.live or session.tenant != caller.tenant:
        raise SessionNotFoundError(session_id)
    return session


async def read(context: Context, session_id: str) -> Session | None:
    """Read the session from the API server. Return None if it does not exist.

    Raises:
        KubeError: the API server does not answer.
    """
    if not _NAME.fullmatch(session_id):
        return None
    path = context.paths.session(session_id)
    try:
        return session_of(await context.kube.get(path, seconds=CALL_SECONDS))
    except NotFoundError:
        return None


async def _read_surely(context: Context, name: str) -> Session | None:
    """Read the session, with retries until the API server answers. The caller sets a deadline."""
    while True:
        try:
            return await read(context, name)
        except KubeError:
            await asyncio.sleep(_DELAY_SECONDS)


def _failed(session: Session) -> Exception:
    """Return the error for a session that ended before it was ready.

    Its message is that of an execution that ended for the same reason.
    """
    rule = results.rule_of({"status": {"phase": "Error", "reason": session.reason}})
    if rule.retry_after is not None:
        return BusyError()
    words = (rule.detail or "").removeprefix(results.FAILED)
    return SessionFailedError("internal error" if "{message}" in words else words)
