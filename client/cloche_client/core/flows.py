"""The operations of both clients, as flows: which requests they send, and what the answers mean."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from cloche_client.core import answers, requests, wire
from cloche_client.core.fields import Fields, fields, parsed
from cloche_client.core.retry import NEVER, Retry, answered
from cloche_client.errors import NotFoundError, UnexpectedAnswerError, WaitTimeoutError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloche_client.core.wire import Flow, Reply
    from cloche_client.errors import AnswerError
    from cloche_client.models import (
        ExecutionState,
        ExecutionSummary,
        LanguageInfo,
        Program,
        Result,
        SessionInfo,
    )

_EXECUTE = "/api/v1/execute"
_EXECUTIONS = "/api/v1/executions"
_SESSIONS = "/api/v1/sessions"
_LONGEST_WAIT = 60
"""The most seconds of `?wait=` (docs/user/api.md)."""
_ABANDON_SECONDS = 5.0
_NOT_FOUND = 404
_BUSY = frozenset({429, 503})
_ENDED_SESSION = frozenset({200, 404})


def run(program: Program, retry: Retry, *, key: str) -> Flow[Result]:
    """Run a program and return its result. It runs at most once, also after a lost connection.

    If the server answers 429 or 503 with an execution's id, the execution exists: its end is waited
    for, and it is repeated under another key only if its program did not run
    (docs/user/clients.md#lost-connections).

    `key` is the first Idempotency-Key.

    Raises:
        ClocheError: there is no result, or it is that of a timeout or a syntax error.
    """
    last: AnswerError | UnexpectedAnswerError | None = None
    for _ in range(retry.attempts):
        seconds = requests.seconds(program)
        request = wire.post(_EXECUTE, requests.body(program), seconds=seconds, key=key)
        reply = yield from answered(request, retry, busy=_without_execution)
        if reply.status not in _BUSY or _without_execution(reply):
            return answers.result_of(answers.body_of(reply))
        last = answers.error_of(reply)
        execution_id = fields(reply.body).text("execution_id")
        try:
            state = yield from waited(execution_id, retry, seconds)
        except NotFoundError:
            continue  # the same key can be sent again
        if not answers.did_not_run(state):
            return answers.outcome(state)
        key = wire.new_key()
    assert last is not None
    raise last


def abandon(program: Program, *, key: str) -> Flow[None]:
    """Cancel the execution that `run` started under this key, if the caller stops to wait for it.

    The repetition of the request returns its id. It is created if the first request did not arrive.
    Each request has 5 s.
    """
    body = requests.body(program)
    request = wire.post(f"{_EXECUTE}/async", body, seconds=_ABANDON_SECONDS, key=key)
    reply = yield from answered(request, NEVER, busy=_never)
    state = answers.state_of(answers.body_of(reply))
    path = f"{_EXECUTIONS}/{wire.part(state.execution_id)}"
    yield wire.Request("DELETE", path, seconds=_ABANDON_SECONDS)


def submit(program: Program, retry: Retry, *, key: str) -> Flow[ExecutionState]:
    """Start a program, and return its state. Raises ClocheError."""
    request = wire.post(f"{_EXECUTE}/async", requests.body(program), key=key)
    reply = yield from answered(request, retry, busy=_without_execution)
    return answers.state_of(answers.body_of(reply))


def state(execution_id: str, retry: Retry, wait: int | None = None) -> Flow[ExecutionState]:
    """Return the state of an execution, at the latest after `wait` seconds (0 to 60)."""
    request = wire.get(f"{_EXECUTIONS}/{wire.part(execution_id)}", {"wait": wait})
    reply = yield from answered(request, retry, busy=_always)
    return answers.state_of(answers.body_of(reply))


def waited(execution_id: str, retry: Retry, seconds: float | None) -> Flow[ExecutionState]:
    """Return the state of an execution once it has ended.

    Raises:
        WaitTimeoutError: it has not ended after about `seconds`; None waits for any time.
    """
    left = seconds
    while True:
        wait = _LONGEST_WAIT if left is None else min(_LONGEST_WAIT, max(0, math.ceil(left)))
        found = yield from state(execution_id, retry, wait)
        if found.ended:
            return found
        if left is not None:
            left -= wait
            if left <= 0:
                raise WaitTimeoutError(
                    f"Execution {execution_id} has not ended after {seconds:g} s. It continues."
                )


def cancel(execution_id: str, retry: Retry) -> Flow[ExecutionState]:
    """Cancel an execution and return its state, which may still be `running`."""
    request = wire.delete(f"{_EXECUTIONS}/{wire.part(execution_id)}")
    reply = yield from answered(request, retry, busy=_always)
    return answers.state_of(answers.body_of(reply))


def remove(execution_id: str, retry: Retry) -> Flow[None]:
    """Remove the record of an execution that has ended. Removing it again is not an error."""
    request = wire.delete(f"{_EXECUTIONS}/{wire.part(execution_id)}", {"purge": "true"})
    reply = yield from answered(request, retry, busy=_always)
    if reply.status != _NOT_FOUND:
        answers.body_of(reply)


def batch(programs: Sequence[Program], retry: Retry) -> Flow[list[Result | AnswerError]]:
    """Run 1 to 10 programs at the same time, and return what became of each, in their order.

    A batch has no Idempotency-Key, so it is not repeated after a lost connection.
    """
    seconds = max((requests.seconds(one) for one in programs), default=0.0)
    bodies = [requests.body(one) for one in programs]
    request = wire.post(f"{_EXECUTE}/batch", bodies, seconds=seconds)
    reply = yield from answered(request, retry, busy=_always)
    if reply.status != 200:  # noqa: PLR2004
        raise answers.error_of(reply)
    found = Fields({"results": parsed(reply.body)}).objects("results")
    if len(found) != len(programs):
        raise UnexpectedAnswerError("The server's answer to a batch has another length.")
    return [answers.item_of(one) for one in found]


def executions(
    retry: Retry, query: Mapping[str, Any]
) -> Flow[tuple[list[ExecutionSummary], str | None]]:
    """Return a page of the executions, newest first, and the cursor of the next page."""
    reply = yield from answered(wire.get(_EXECUTIONS, query), retry, busy=_always)
    body = answers.body_of(reply)
    found = [answers.summary_of(one) for one in body.objects("executions")]
    return found, body.optional_text("next_cursor")


def languages(retry: Retry) -> Flow[list[str]]:
    """Return the names of the installed languages."""
    reply = yield from answered(wire.get(f"{_EXECUTE}/languages"), retry, busy=_always)
    return answers.names_of(reply)


def language(name: str, retry: Retry) -> Flow[LanguageInfo]:
    """Return an installed language, by its name or alias."""
    path = f"{_EXECUTE}/language/{wire.part(name)}/info"
    reply = yield from answered(wire.get(path), retry, busy=_always)
    return answers.language_of(answers.body_of(reply))


def health(retry: Retry) -> Flow[Mapping[str, Any]]:
    """Return the gateway's health: `status`, `version` and `problem`."""
    reply = yield from answered(wire.get("/health"), retry, busy=_always)
    return answers.body_of(reply).values


def create_session(fields_: Mapping[str, Any], retry: Retry) -> Flow[SessionInfo]:
    """Create a session. It is ready when the flow returns.

    It is not repeated after a lost connection: the first one might exist.
    """
    seconds = wire.WAITING_SECONDS
    request = wire.post(_SESSIONS, fields_, seconds=seconds)
    reply = yield from answered(request, retry, busy=_always)
    return answers.session_of(answers.body_of(reply))


def session(session_id: str, retry: Retry) -> Flow[SessionInfo]:
    """Return the state of a session."""
    request = wire.get(f"{_SESSIONS}/{wire.part(session_id)}")
    reply = yield from answered(request, retry, busy=_always)
    return answers.session_of(answers.body_of(reply))


def sessions(retry: Retry, query: Mapping[str, Any]) -> Flow[tuple[list[SessionInfo], str | None]]:
    """Return a page of the sessions, and the cursor of the next page."""
    reply = yield from answered(wire.get(_SESSIONS, query), retry, busy=_always)
    body = answers.body_of(reply)
    found = [answers.session_of(one) for one in body.objects("sessions")]
    return found, body.optional_text("next_cursor")


def extend_session(
    session_id: str, idle_timeout: int | None, lifetime: int | None, retry: Retry
) -> Flow[SessionInfo]:
    """Change the times of a session, and return its state. None keeps a time."""
    given = {"idle_timeout": idle_timeout, "lifetime": lifetime}
    body = {name: value for name, value in given.items() if value is not None}
    request = wire.patch(f"{_SESSIONS}/{wire.part(session_id)}", body)
    reply = yield from answered(request, retry, busy=_always)
    return answers.session_of(answers.body_of(reply))


def restart_session(session_id: str, retry: Retry) -> Flow[None]:
    """Start the interpreter of a session anew."""
    path = f"{_SESSIONS}/{wire.part(session_id)}/restart"
    request = wire.post(path, {}, seconds=wire.WAITING_SECONDS)
    reply = yield from answered(request, retry, busy=_always)
    answers.body_of(reply)


def end_session(session_id: str, retry: Retry) -> Flow[None]:
    """End a session. Ending it again is not an error."""
    request = wire.delete(f"{_SESSIONS}/{wire.part(session_id)}")
    reply = yield from answered(request, retry, busy=_always)
    if reply.status not in _ENDED_SESSION:
        raise answers.error_of(reply)


def _without_execution(reply: Reply) -> bool:
    """Return whether the server recorded no execution, so that the same key can be sent again."""
    try:
        return fields(reply.body).optional_text("execution_id") is None
    except UnexpectedAnswerError:
        return True


def _always(_reply: Reply) -> bool:
    return True


def _never(_reply: Reply) -> bool:
    return False
