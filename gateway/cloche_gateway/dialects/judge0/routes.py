"""The routes of Judge0: submissions, alone and in batches, and what describes the service."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Body, Request
from pydantic_core import to_json
from starlette.responses import Response

from cloche_api.meta import ANNOTATION_JUDGE0
from cloche_gateway.dialects.judge0 import bodies, information, languages, submission, verdict
from cloche_gateway.dialects.judge0.dialect import JUDGE0, Batching, Executing, Reading
from cloche_gateway.dialects.judge0.refusals import (
    BUSY,
    INVALID,
    InvalidSubmissionError,
    Mistakes,
    RefusedError,
    creating,
)
from cloche_gateway.dialects.judge0.request import Prepared, prepared
from cloche_gateway.dialects.judge0.submission import Submission
from cloche_gateway.dialects.judge0.verdict import Status, Verdict
from cloche_gateway.dialects.outcome import outcome
from cloche_gateway.errors import (
    DrainingError,
    ExecutionNotFoundError,
    FailedError,
    GatewayError,
)
from cloche_gateway.http.request import Call, JsonResponse
from cloche_gateway.http.route import Later
from cloche_gateway.limits.rates import Kind
from cloche_gateway.services import execution, lookup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import APIRouter

    from cloche_api.accounting.budget import Charge
    from cloche_gateway.dialects.judge0.facts import Facts
    from cloche_gateway.services.submission import Plan

_TRUE = "true"
_CREATED = 201
_AT_ONCE_BYTES = 64 * 1024
"""The largest parameters that are decoded in the event loop. Larger ones, and archives, are decoded
in the thread for large bodies."""
_COPIES = 3
"""How many times as much memory the parameters take while they are decoded."""
_NOT_NOW = (429, BUSY)


class _Wanted:
    """What the answer to a request has, by its parameters."""

    __slots__ = ("encoded", "names")

    def __init__(self, given: Mapping[str, Any]) -> None:
        fields = given.get("fields")
        self.names = submission.selected(fields if isinstance(fields, str) else None)
        self.encoded = _is_encoded(given)

    def body(self, call: Call, one: Submission) -> dict[str, Any]:
        """Return the submission with the wanted fields."""

        def name(number: int) -> str | None:
            found = languages.find(call.context.languages, number)
            return None if found is None else found.name

        return submission.rendered(one, self.names, name, encoded=self.encoded)


def _is_encoded(given: Mapping[str, Any]) -> bool:
    return bool(given.get("base64_encoded") == _TRUE)


async def create(call: Executing, request: Request, body: Annotated[Any, Body()]) -> Response:
    """Create a submission. With `wait=true` the answer has its result, else only its token."""
    given: dict[str, Any] = {**request.query_params, **body}
    wanted = _Wanted(given)
    (made,) = await _prepared(call, [given], encoded=wanted.encoded)
    if not isinstance(made, Prepared):
        raise InvalidSubmissionError(made)
    planned = await _planned(call, made, call.held)
    if given.get("wait") == _TRUE:
        return Later(functools.partial(_waited, call, planned, made.facts, wanted))
    return Later(functools.partial(_started, call, planned))


async def create_batch(call: Batching, request: Request, items: Annotated[Any, Body()]) -> Response:
    """Create up to 20 submissions. The answer has the token or the mistakes of each."""
    made = await _prepared(call, items, encoded=_is_encoded(request.query_params))
    return Later(functools.partial(_batch, call, made))


async def show(call: Reading, request: Request, token: str) -> Response:
    """Return a submission."""
    wanted = _Wanted(request.query_params)
    return JsonResponse(wanted.body(call, await _read(call, token)))


async def show_batch(call: Reading, request: Request) -> Response:
    """Return up to 20 submissions, and null for each that does not exist.

    Each is charged as a read. They are read one after the other, because each can take some MiB.
    """
    wanted = _Wanted(request.query_params)
    words = request.headers.get("tokens") or request.query_params.get("tokens") or ""
    tokens = words.strip().rstrip(",").split(",") if words.strip() else []
    bodies.check_count(len(tokens))
    if len(tokens) > 1:
        await call.charge(Kind.READS, len(tokens) - 1)
    parts, size = list[bytes](), 0
    with call.context.budget.charged(call.caller.tenant) as held:
        for token in tokens:
            try:
                part = to_json(wanted.body(call, await _read(call, token)))
            except ExecutionNotFoundError:
                part = b"null"
            size += len(part)
            held.resize(size)
            parts.append(part)
        content = b'{"submissions":[' + b",".join(parts) + b"]}\n"
    return Response(content, media_type="application/json")


async def refuse_delete(_: Reading, token: str) -> Response:  # noqa: ARG001  of the path
    """Refuse to delete a submission, as Judge0 does by default."""
    raise RefusedError(400, "delete not allowed")


async def _prepared(
    call: Call, given: list[dict[str, Any]], *, encoded: bool
) -> list[Prepared | Mistakes]:
    """Return each submission, or its mistakes."""
    size = execution.memory_of(given)
    call.held.resize(_COPIES * size)
    check = functools.partial(_checked, call, given, encoded)
    if size <= _AT_ONCE_BYTES and not any(one.get("additional_files") for one in given):
        made = check()
    else:
        loop = asyncio.get_running_loop()
        made = await loop.run_in_executor(call.context.parser, check)
    requests = [one.request for one in made if isinstance(one, Prepared)]
    call.held.resize(execution.memory_of(requests))
    return made


def _checked(call: Call, given: list[dict[str, Any]], encoded: bool) -> list[Prepared | Mistakes]:  # noqa: FBT001
    made: list[Prepared | Mistakes] = []
    for one in given:
        try:
            made.append(prepared(one, call.context.languages, base64=encoded))
        except InvalidSubmissionError as error:
            made.append(error.mistakes)
    return made


async def _planned(call: Call, made: Prepared, charge: Charge) -> Plan:
    """Return the execution of a submission, with what its answer needs."""
    with creating():
        planned = await execution.plan(call.context, call.origin(), made.request, charge)
    assert planned.obj is not None, "it is not submitted yet"
    planned.obj["metadata"]["annotations"][ANNOTATION_JUDGE0] = made.facts.text()
    return planned


async def _started(call: Call, planned: Plan) -> Response:
    with creating():
        await execution.start(call.context, call.caller, planned)
    return JsonResponse({"token": planned.name}, _CREATED)


async def _waited(call: Call, planned: Plan, facts: Facts, wanted: _Wanted) -> Response:
    """Run the submission and return its result. If the gateway shuts down, it is Processing."""
    async with call.disconnect() as gone:
        try:
            with creating():
                answer = await execution.execute(call.context, planned, gone)
                if answer.status in _NOT_NOW:
                    outcome(answer)  # raises the error that fits
            found = verdict.of_answer(answer, facts)
        except DrainingError:
            found = Verdict(Status.PROCESSING)
        except FailedError as error:
            found = verdict.failed(str(error))
    one = Submission(planned.name, facts, found)
    if submission.needs_execution(wanted.names):
        with contextlib.suppress(GatewayError):  # the result is known without it
            obj = await lookup.read(call.context.waiters.read, call.caller, planned.name)
            one = submission.of(obj) or one
    return JsonResponse(wanted.body(call, one), _CREATED)


async def _batch(call: Call, made: list[Prepared | Mistakes]) -> Response:
    call.held.release()  # Each submission is charged before its first await.
    found = await asyncio.gather(*(_one(call, one) for one in made))
    tokens = [one for one in found if isinstance(one, dict) and "token" in one]
    errors = [one for one in found if isinstance(one, GatewayError)]
    if errors and not tokens:
        raise errors[0]
    body = [{"error": str(one)} if isinstance(one, GatewayError) else one for one in found]
    return JsonResponse(body, _CREATED if tokens else INVALID)


async def _one(call: Call, made: Prepared | Mistakes) -> dict[str, Any] | GatewayError:
    """Create a submission of a batch and return its token, its mistakes, or another error."""
    if not isinstance(made, Prepared):
        return {**made}
    try:
        with call.context.budget.charged(call.caller.tenant) as charge:
            planned = await _planned(call, made, charge)
            with creating():
                await execution.start(call.context, call.caller, planned)
    except InvalidSubmissionError as error:
        return {**error.mistakes}
    except GatewayError as error:
        return error
    return {"token": planned.name}


async def _read(call: Call, token: str) -> Submission:
    """Return a submission, at most 0.2 s old.

    Raises:
        ExecutionNotFoundError: there is none with this token.
        BusyError: the API server does not answer.
    """
    obj = await lookup.read(call.context.reads.read, call.caller, token)
    found = submission.of(obj)
    if found is None:
        raise ExecutionNotFoundError(token)
    return found


_ROUTES = (
    ("POST", "/submissions", create),
    ("POST", "/submissions/batch", create_batch),
    ("GET", "/submissions/batch", show_batch),
    ("GET", "/submissions/{token}", show),
    ("DELETE", "/submissions/{token}", refuse_delete),
    ("GET", "/submissions", information.unauthorized),
    ("GET", "/languages", information.listed),
    ("GET", "/languages/all", information.listed_all),
    ("GET", "/languages/{number}", information.language),
    ("GET", "/statuses", information.statuses),
    ("GET", "/about", information.about),
    ("GET", "/version", information.version),
    ("GET", "/license", information.license_text),
    ("GET", "/isolate", information.isolate),
    ("GET", "/system_info", information.nothing),
    ("GET", "/config_info", information.limits_of_all),
    ("GET", "/statistics", information.nothing),
    ("GET", "/workers", information.workers),
    ("POST", "/authenticate", information.authenticated),
    ("POST", "/authorize", information.unauthorized),
)
_PREFIX = "/judge0"


def _router(prefix: str) -> APIRouter:
    router = JUDGE0.router(prefix)
    for method, path, endpoint in _ROUTES:
        router.add_api_route(path, endpoint, methods=[method])
    return router


def _routers() -> tuple[APIRouter, APIRouter]:
    prefixed = _router(_PREFIX)
    prefixed.add_api_route("", information.home, methods=["GET"])
    return _router(""), prefixed


ROUTERS = _routers()
"""The routes at `/`, where clients expect them, and the same below `/judge0`."""
