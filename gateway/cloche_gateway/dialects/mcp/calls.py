"""Calls of tools, each of which becomes a use case of Cloche's own API."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloche_api.meta import SESSION_PREFIX
from cloche_gateway.dialects.mcp import arguments as given
from cloche_gateway.dialects.mcp import results, streaming, tools, wire
from cloche_gateway.dialects.mcp.versions import Era
from cloche_gateway.dialects.mcp.wire import Code, ProtocolError
from cloche_gateway.errors import (
    ClientGoneError,
    FailedError,
    GatewayError,
    InvalidRequestError,
    RateLimitedError,
    SessionFailedError,
    SessionNotFoundError,
    shown,
)
from cloche_gateway.http.request import JsonResponse
from cloche_gateway.http.route import Later
from cloche_gateway.limits.rates import Kind
from cloche_gateway.services import execution, sessions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from starlette.responses import Response

    from cloche_gateway.dialects.mcp.wire import Message, RequestId
    from cloche_gateway.http.request import Call, RequestState
    from cloche_gateway.services.submission import Plan
    from cloche_gateway.session_models import SessionRequest

_Arguments = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What an answer needs of its request, so that the request itself can be dropped."""

    id: RequestId | None
    era: Era
    token: RequestId | None
    """The token of the progress, if the client wants to receive it and reads event streams."""
    state: RequestState
    """Has whether the request is over a limit, because its status code is 200."""


async def perform(call: Call, era: Era, message: Message, *, streams: bool) -> Response:
    """Return the response to `tools/call`. `streams`: the client reads event streams.

    Raises:
        ProtocolError: there is no such tool, or the arguments are not an object.
    """
    name, arguments = message.params.get("name"), message.params.get("arguments")
    if not isinstance(name, str) or name not in _TOOLS:
        unknown = shown(name) if isinstance(name, str) else "it has no name"
        raise ProtocolError(Code.INVALID_PARAMS, f"Unknown tool: {unknown}")
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        raise ProtocolError(Code.INVALID_PARAMS, "Invalid params: arguments must be an object")
    token = message.progress_token if streams else None
    asked = _Asked(message.id, era, token, call.state)
    try:
        return await _TOOLS[name](call, asked, arguments)
    except GatewayError as error:
        return JsonResponse(_failed(asked, error))


async def _execute_code(call: Call, asked: _Asked, arguments: _Arguments) -> Response:
    await call.charge(Kind.EXECUTIONS)
    await _choose_language(call, arguments)
    request = given.execution(arguments)
    if request.session_id is not None and not request.session_id.startswith(SESSION_PREFIX):
        # In Cloche's own API it would be a label, with which files do not survive.
        raise SessionNotFoundError(request.session_id)
    planned = await execution.plan(call.context, call.origin(), request, call.held)
    unknown = given.unknown(tools.EXECUTE, arguments)
    run = _execute if asked.token is None else _execute_with_progress
    return Later(functools.partial(run, call, asked, planned, unknown))


async def _execute(call: Call, asked: _Asked, planned: Plan, unknown: Sequence[str]) -> Response:
    async def result() -> Mapping[str, Any]:
        async with call.disconnect() as gone:
            answer = await execution.execute(
                call.context, planned, gone, cancels=asked.era is Era.MODERN
            )
        return results.executed(answer, unknown)

    return JsonResponse(await _answered(asked, result))


async def _execute_with_progress(
    call: Call, asked: _Asked, planned: Plan, unknown: Sequence[str]
) -> Response:
    run = streaming.Run(call.context, planned, cancels=asked.era is Era.MODERN)
    await run.begun()

    async def result() -> Mapping[str, Any]:
        return results.executed(await run.task, unknown)

    if run.task.done():
        return JsonResponse(await _answered(asked, result))
    assert asked.token is not None
    last = functools.partial(_answered, asked, result)
    return streaming.ProgressStream(call.context, call.caller, run, asked.token, last)


async def _list_languages(call: Call, asked: _Asked, arguments: _Arguments) -> Response:  # noqa: ARG001  it has none
    return _response(asked, results.success(languages(call)))


async def _create_session(call: Call, asked: _Asked, arguments: _Arguments) -> Response:
    await call.charge(Kind.EXECUTIONS)
    await _choose_language(call, arguments)
    request = given.session(arguments)
    call.held.release()  # What is left of the body is small.
    return Later(functools.partial(_create, call, asked, request))


async def _create(call: Call, asked: _Asked, request: SessionRequest) -> Response:
    async def result() -> Mapping[str, Any]:
        # A session whose client disconnects is unknown to all: it is removed in each era.
        async with call.disconnect() as gone:
            made = await sessions.create(
                call.context, call.caller, request, call.state.request_id, gone
            )
        return results.success(sessions.made(made))

    return JsonResponse(await _answered(asked, result))


async def _end_session(call: Call, asked: _Asked, arguments: _Arguments) -> Response:
    name = arguments.get("session_id")
    if not isinstance(name, str):
        raise InvalidRequestError("session_id", "is required, as a string")
    await sessions.end(call.context, call.caller, name)
    return _response(asked, results.success({"session_id": name, "ended": True}))


_TOOLS: dict[str, Callable[[Call, _Asked, _Arguments], Awaitable[Response]]] = {
    tools.EXECUTE: _execute_code,
    tools.LIST: _list_languages,
    tools.CREATE: _create_session,
    tools.END: _end_session,
}


def languages(call: Call) -> dict[str, Any]:
    """Return the installed languages, as `list_languages` has them.

    Raises:
        BusyError: the runtimes have not been read yet.
    """
    known = call.context.languages
    found = [known.find(name) for name in known.supported()]
    return {
        "languages": [
            {"name": one.name, "version": one.version, "aliases": list(one.aliases)}
            for one in found
        ]
    }


async def _choose_language(call: Call, arguments: _Arguments) -> None:
    """Set the language of a call that has none: that of its session, or the default.

    Raises:
        SessionNotFoundError, BusyError: as `sessions.look_up`.
    """
    if arguments.get("language"):
        return
    session = arguments.get("session_id")
    if isinstance(session, str) and session:
        found = await sessions.look_up(call.context, call.caller, session)
        arguments["language"] = found.language
    else:
        arguments["language"] = tools.default_language(call.context.languages.supported())


async def _answered(
    asked: _Asked, result: Callable[[], Awaitable[Mapping[str, Any]]]
) -> dict[str, Any]:
    """Return the message with the result that `result` makes, or with its error.

    Raises:
        ClientGoneError: the client has disconnected.
    """
    try:
        return wire.result(asked.id, results.complete(asked.era, await result()))
    except GatewayError as error:
        return _failed(asked, error)


def _failed(asked: _Asked, error: GatewayError) -> dict[str, Any]:
    """Return the message for an error: what the model can correct is a result of the tool."""
    if isinstance(error, ClientGoneError | ProtocolError):
        raise error
    asked.state.over_limit = isinstance(error, RateLimitedError)
    if isinstance(error, FailedError | SessionFailedError):
        return wire.failure(asked.id, ProtocolError(Code.INTERNAL_ERROR, str(error)))
    return wire.result(asked.id, results.complete(asked.era, results.mistake(error)))


def _response(asked: _Asked, content: Mapping[str, Any]) -> Response:
    return JsonResponse(wire.result(asked.id, results.complete(asked.era, content)))
