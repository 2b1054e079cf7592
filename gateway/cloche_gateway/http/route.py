"""The route class: what is checked before FastAPI resolves the parameters of an endpoint.

FastAPI would read the whole body first, and parse and validate it in the event loop. Requests come
from clients that may be hostile, so the order here is: the query, the API key and its limits, and
then the body, which is validated in a thread if it is large.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl

from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Header, Path
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from cloche_gateway.errors import (
    BATCH_ITEMS_MAX,
    ClientGoneError,
    GatewayError,
    InvalidRequestError,
    TooLargeError,
    UnsupportedMediaTypeError,
    shown,
)
from cloche_gateway.http.request import Admission
from cloche_gateway.requests import body as bodies
from cloche_gateway.requests import lenient, mistakes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Container, Coroutine, Iterable, Sequence

    from fastapi._compat import ModelField

    from cloche_gateway.http.request import Call
    from cloche_gateway.requests.body import Unknown

QUERY_BYTES = 4096
"""The longest query string. A cursor, the longest parameter, has about 200 bytes."""
BODY_BYTES = 4 * 1024 * 1024
"""The largest body. 700 KiB of content can be six times as long if each character is escaped in
JSON."""
_AT_ONCE_BYTES = 64 * 1024
"""The largest body that is parsed and validated in the event loop. That takes less than 10 ms, and
20 ms for a batch that consists of mistakes. For a larger one it is done in a thread. The event loop
then gets its turn every 5 ms (sys.getswitchinterval), or after a pass over the body, which holds
the interpreter lock for at most 30 ms."""
_IDEMPOTENCY_KEY = "Idempotency-Key"
_JSON_TYPE = "application/json"


class Later(Response):
    """A response that `make` makes, after FastAPI has returned.

    An endpoint with a body returns it in order to wait, because FastAPI keeps the body's model in
    memory until the endpoint returns.
    """

    def __init__(self, make: Callable[[], Awaitable[Response]]) -> None:
        super().__init__()
        self.make = make


class Route(APIRoute):
    """A route that checks a request and reads its body before FastAPI resolves parameters."""

    strict_query: ClassVar[bool] = True
    """Whether unknown and repeated parameters of the query are rejected."""

    @property
    def admission(self) -> Admission | None:
        """The endpoint's admission; None if it needs no API key."""
        calls = (one.call for one in self.dependant.dependencies)
        return next((one for one in calls if isinstance(one, Admission)), None)

    @property
    def body_format(self) -> BodyFormat:
        """The format of the body."""
        return JSON

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler, preceded by the checks."""
        handle = super().get_route_handler()
        parameters = get_flat_params(self.dependant)
        headers = tuple(one.alias for one in parameters if isinstance(one.field_info, Header))
        others = (one for one in parameters if not isinstance(one.field_info, Header | Path))
        known = frozenset(one.alias for one in others)
        admission = self.admission
        field = self.body_field
        body = None if field is None else _Body(field, headers, self.body_format)

        async def checked(request: Request) -> Response:
            _check_query(request.scope["query_string"], known if self.strict_query else None)
            if admission is None:
                return await handle(request)
            call = await admission.admit(request)
            if body is None:
                _check_headers(request, headers)
                return await handle(request)
            with call.context.budget.charged(call.caller.tenant) as call.state.held:
                response = await handle(await body.validated(request, call, admission))
                return await response.make() if isinstance(response, Later) else response

        return checked


class _Validated(Request):
    """A request whose body is a model already. FastAPI takes it once and passes it on unchanged."""

    def __init__(self, request: Request, model: Any, content_type: str) -> None:
        super().__init__(request.scope, request.receive)
        self._model = model
        if not content_type.lower().startswith(_JSON_TYPE):
            # FastAPI calls `json` only for a body that is JSON by its Content-Type.
            others = (one for one in request.headers.raw if one[0] != b"content-type")
            self._headers = Headers(raw=[*others, (b"content-type", _JSON_TYPE.encode())])

    async def body(self) -> bytes:
        """Return something instead of the body, because FastAPI ignores an empty one."""
        return b"validated"

    async def json(self) -> Any:
        """Return the model and forget it."""
        model, self._model = self._model, None
        return model


@dataclass(frozen=True, slots=True)
class BodyFormat:
    """The format of a body.

    `parse` gets the body, its Content-Type and the most requests that it may hold. It runs in a
    thread if the body is large, and raises a GatewayError if the body is not valid.
    """

    media_types: tuple[str, ...]
    parse: Callable[[bytes, str, int], Any]


def _json(raw: bytes, content_type: str, requests: int) -> Any:  # noqa: ARG001  a BodyFormat
    return bodies.parse(raw, requests)


JSON = BodyFormat((_JSON_TYPE,), _json)


@dataclass(frozen=True, slots=True)
class _Body:
    """The body of a route: what FastAPI validates it as, and the headers that it may come with."""

    field: ModelField
    headers: tuple[str, ...]
    format: BodyFormat

    async def validated(self, request: Request, call: Call, admission: Admission) -> _Validated:
        """Return the request with its body read and validated.

        Raises:
            GatewayError: as `_model` and `_read`, and as `Call.charge` if each item is charged.
        """
        try:
            _check_headers(request, self.headers)
            if _IDEMPOTENCY_KEY not in self.headers and _IDEMPOTENCY_KEY in request.headers:
                # If it were ignored, a retry would do the work a second time.
                rule = "is supported only by /execute and /execute/async: remove it"
                raise InvalidRequestError(_IDEMPOTENCY_KEY, rule)
            content_type = _content_type(request, self.format.media_types)
            raw = await _read(request, call, call.context.settings.body_timeout_seconds)
            requests = BATCH_ITEMS_MAX if admission.per_item else 1
            if len(raw) <= _AT_ONCE_BYTES:
                model, call.state.unknown = self._model(raw, content_type, requests)
            else:
                loop = asyncio.get_running_loop()
                model, call.state.unknown = await loop.run_in_executor(
                    call.context.parser, self._model, raw, content_type, requests
                )
        except GatewayError:
            if admission.per_item:
                await call.charge(admission.kind)
            raise
        if admission.per_item:
            await call.charge(admission.kind, len(model))
        return _Validated(request, model, content_type)

    def _model(self, raw: bytes, content_type: str, requests: int) -> tuple[Any, Unknown]:
        """Return the model of a body that holds up to `requests` requests, and what it has besides.

        Raises:
            GatewayError: the body is not valid, as `requests.body.parse` and `mistakes.of_body`.
        """
        value = self.format.parse(raw, content_type, requests)
        kind = self.field.field_info.annotation
        unknown = bodies.take_unknown(value, kind)
        model, errors = self.field.validate(value, loc=("body",))
        if errors and (converted := lenient.convert(value, kind, errors)):
            unknown = mistakes.noted(converted, unknown)
            model, errors = self.field.validate(value, loc=("body",))
        if errors:
            raise mistakes.of_body(errors, unknown)
        return model, unknown


def _check_query(query: bytes, known: Container[str] | None) -> None:
    """Reject a query that is too long, and parameters that are not `known` or are repeated.

    A misspelled parameter would otherwise be ignored without notice. With None for `known`, all
    parameters are accepted.

    Raises:
        InvalidRequestError: the query is not valid. The message names the parameter and the rule.
    """
    if not query:
        return
    if len(query) > QUERY_BYTES:
        raise InvalidRequestError("query", f"must be at most {QUERY_BYTES // 1024} KiB")
    if known is None:
        return
    seen: set[str] = set()
    for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name not in known:
            raise InvalidRequestError(shown(name), "unknown parameter")
        if name in seen:
            raise InvalidRequestError(name, "is given twice")
        seen.add(name)


def _check_headers(request: Request, known: Iterable[str]) -> None:
    """Reject a repeated header, of those that the endpoint declares.

    Raises:
        InvalidRequestError: the message names the header.
    """
    for name in known:
        if len(request.headers.getlist(name)) > 1:
            raise InvalidRequestError(name, "is given twice")


def _content_type(request: Request, media_types: Sequence[str]) -> str:
    """Return the Content-Type with its parameters.

    Raises:
        UnsupportedMediaTypeError: it is none of these types.
    """
    content_type = request.headers.get("content-type", "")
    if content_type.split(";", 1)[0].strip().lower() not in media_types:
        named = " or ".join(filter(None, media_types))
        raise UnsupportedMediaTypeError("Content-Type", f"must be {named}")
    return content_type


async def _read(request: Request, call: Call, seconds: float) -> bytes:
    """Read the body. The call's charge is resized to its bytes while they arrive.

    Raises:
        InvalidRequestError: the body is compressed, or did not arrive within `seconds`.
        TooLargeError: it has more than `BODY_BYTES`. The rest is not read.
        OverloadedError: the memory budget has no room for it.
        ClientGoneError: the client disconnected before its end.
    """
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        # A small compressed body can be of any size when decompressed.
        raise InvalidRequestError(
            "Content-Encoding", "must be identity: compressed bodies are not supported"
        )
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > BODY_BYTES:
        raise _too_large()
    body = bytearray()  # A list of parts would cost 40 bytes for each byte that arrives alone.
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                if len(body) + len(part) > BODY_BYTES:
                    raise _too_large()
                call.held.resize(len(body) + len(part))
                body += part
    except TimeoutError:
        raise InvalidRequestError("body", f"did not arrive within {seconds:g} seconds") from None
    except ClientDisconnect:
        raise ClientGoneError from None
    return bytes(body)


def _too_large() -> TooLargeError:
    return TooLargeError(f"body: must be at most {BODY_BYTES // 1024**2} MiB")
