"""The websocket of Piston: a program whose output arrives while it runs.

The client sends `init` with the fields of an execution. It gets `runtime`, `stage`, `data`, `exit`,
and `error`, and then the close code. Standard input after the start and signals other than SIGKILL
are refused with an `error`, because Cloche has neither, and the program goes on.
"""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json
from starlette.requests import Request  # noqa: TC002  FastAPI reads it
from starlette.responses import Response

from cloche_gateway.dialects.piston import job, runtimes
from cloche_gateway.dialects.piston.dialect import PISTON, PREFIX, PUBLIC, Executing
from cloche_gateway.dialects.piston.run import Run
from cloche_gateway.errors import DrainingError, GatewayError, InvalidRequestError
from cloche_gateway.http.request import Call, JsonResponse
from cloche_gateway.requests import body as bodies
from cloche_kube.tasks import first_of

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from cloche_api.accounting.budget import Charge
    from cloche_gateway.http.websocket import WebSocket

PATHS = tuple(f"{PREFIX}{public}/connect".encode() for public in ("", PUBLIC))
INIT_SECONDS = 1.0
"""Time for `init` to begin to arrive, as in Piston."""
_AT_ONCE_BYTES = 64 * 1024
"""The largest message that is parsed in the event loop (`http.route`)."""
_COMPLETED = 4999, "Job Completed"
_REPEATED = 4000, "Already Initialized"
_LATE = 4001, "Initialization Timeout"
_FAILED = 4002, "Notified Error"
_EARLY = 4003, "Not yet initialized"
_NOT_STDIN = 4004, "Can only write to stdin"
_NOT_A_SIGNAL = 4005, "Invalid signal"
_RESTART = 1012, "Service Restart"
_SIGNALS = frozenset(one.name for one in signal.Signals)
_NO_STDIN = (
    "standard input after the start is not supported, so this was not delivered: send all of it "
    "as stdin of init"
)
_Closing = tuple[int, str]

router = PISTON.router(PREFIX)


@router.get("/connect")
@router.get(f"{PUBLIC}/connect")
async def connect(call: Executing, request: Request) -> Response:
    """Change to a websocket, on which one program is run.

    A request of a web page is rejected unless CORS allows its origin. A page of any site may ask
    for a websocket, and if requests need no key, it could run programs.
    """
    websocket = call.state.websocket
    if websocket is None:
        refused = {"message": "this is a websocket: send Upgrade: websocket"}
        return JsonResponse(refused, 426, {"Upgrade": "websocket"})
    origin, allowed = request.headers.get("origin"), call.context.settings.cors_origins
    if origin is not None and not {origin, "*"} & set(allowed):
        return JsonResponse({"message": "Origin: is not allowed to call this gateway"}, 403)
    return _Switched(call, websocket, websocket.accept(request.headers))


class _Switched(Response):
    """The response with status 101. It lasts as long as the websocket."""

    def __init__(
        self, call: Call, websocket: WebSocket, headers: list[tuple[bytes, bytes]]
    ) -> None:
        super().__init__(status_code=101)
        self._conversation = _Conversation(call, websocket)
        self._websocket = websocket
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        head: Message = {"type": "http.response.start", "status": 101, "headers": self._headers}
        await send(head)
        try:
            await self._websocket.close(*await self._conversation.held())
        finally:
            self._websocket.abort()


class _Conversation:
    """The messages of client and gateway on one websocket."""

    def __init__(self, call: Call, websocket: WebSocket) -> None:
        self._call = call
        self._websocket = websocket

    async def held(self) -> _Closing:
        """Hold the conversation, and return with what to close the websocket."""
        context, tenant = self._call.context, self._call.caller.tenant
        try:
            with context.budget.charged(tenant) as held:
                first = await self._first_message(held)
                if isinstance(first, tuple):
                    return first
                asked = job.of_body(
                    first,
                    runtimes.installed(context.languages),
                    any_version=context.settings.piston_any_version,
                )
                del first
                run = await Run.planned(self._call, asked, held, self._send)
                del asked
                return await self._with(run)
        except GatewayError as error:
            return await self._failed(error)

    async def _with(self, run: Run) -> _Closing:
        """Run the program, while the client may send messages."""
        draining = self._call.context.draining
        try:
            first = await first_of(run.completed(), self._later_messages(run), draining)
        finally:
            if not draining.done():
                run.give_up()
        if first is draining:
            return await self._failed(DrainingError(run.name), _RESTART)
        closing: _Closing | None = first.result()
        return closing or _COMPLETED

    async def _failed(self, error: GatewayError, closing: _Closing = _FAILED) -> _Closing:
        await self._send({"type": "error", "message": str(error)})
        return closing

    async def _first_message(self, held: Charge) -> dict[str, Any] | _Closing:
        """Return the `init` message, or with what to close. `held` is resized to its memory.

        Raises:
            GatewayError: a message is not valid.
        """
        deadline = asyncio.get_running_loop().time() + INIT_SECONDS
        while True:
            try:
                raw = await self._receive_by(deadline)
            except TimeoutError:
                return _LATE
            if raw is None:
                return _COMPLETED
            held.resize(2 * len(raw))
            message = await self._parsed(raw)
            if message.get("type") == "init":
                return message
            if message.get("type") in ("data", "signal"):
                return _EARLY

    async def _receive_by(self, deadline: float) -> bytes | None:
        """Return the first message, which must begin to arrive until a time of the event loop.

        Raises:
            TimeoutError: it did not, or its rest did not follow.
        """
        try:
            async with asyncio.timeout_at(deadline):
                return await self._websocket.receive()
        except TimeoutError:
            if not self._websocket.is_receiving:
                raise
        async with asyncio.timeout_at(deadline + self._call.context.settings.body_timeout_seconds):
            return await self._websocket.receive()

    async def _later_messages(self, run: Run) -> _Closing:
        """Follow what the client sends after `init`, and return with what to close."""
        while (raw := await self._websocket.receive()) is not None:
            closing = await self._answer(await self._parsed(raw), run)
            if closing is not None:
                return closing
        return _COMPLETED

    async def _answer(self, message: dict[str, Any], run: Run) -> _Closing | None:
        match message.get("type"):
            case "init":
                return _REPEATED
            case "data":
                if message.get("stream") != "stdin":
                    return _NOT_STDIN
                await self._send({"type": "error", "message": _NO_STDIN})
            case "signal":
                name = message.get("signal")
                if not isinstance(name, str) or name not in _SIGNALS:
                    return _NOT_A_SIGNAL
                if name == signal.SIGKILL.name:
                    run.kill()
                else:
                    words = f"{name} is not supported: send SIGKILL, which cancels the execution"
                    await self._send({"type": "error", "message": words})
        return None

    async def _parsed(self, raw: bytes) -> dict[str, Any]:
        """Return a message.

        Raises:
            GatewayError: it is not valid.
        """
        if len(raw) <= _AT_ONCE_BYTES:
            message = bodies.parse(raw)
        else:
            with self._call.context.budget.charged(self._call.caller.tenant, 2 * len(raw)):
                loop = asyncio.get_running_loop()
                parser = self._call.context.parser
                message = await loop.run_in_executor(parser, bodies.parse, raw)
        if not isinstance(message, dict):
            raise InvalidRequestError("message", "must be a JSON object")
        return message

    async def _send(self, message: dict[str, Any]) -> None:
        await self._websocket.send(to_json(message))
