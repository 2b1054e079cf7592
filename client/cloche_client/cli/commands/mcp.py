"""`cloche mcp`: the gateway's MCP server over standard input and output.

Each line of standard input is a message of JSON-RPC. It is sent to the gateway's `/mcp` as a
request of the transport "Streamable HTTP", and each message of the answer becomes a line of
standard output. Requests are answered in any order. The gateway decides what the messages mean;
this module only sets the headers that both revisions of the transport require
(modelcontextprotocol.io, revisions 2025-11-25 and 2026-07-28).
"""

from __future__ import annotations

import base64
import json
import re
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from cloche_client.blocking.transport import Transport
from cloche_client.core.sse import Decoder
from cloche_client.core.wire import Request
from cloche_client.errors import ClocheError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.client import HTTPConnection

    from cloche_client.blocking.transport import Opened
    from cloche_client.cli.context import Context

_SECONDS = 435.0
"""The longest program with its time in the queue. Comments come each 15 s in a stream."""
_MOST_BYTES = 4 * 1024 * 1024
_MOST_AT_ONCE = 32
_PARSE_ERROR, _INVALID_REQUEST, _FAILED = -32700, -32600, -32000
_VERSION = "io.modelcontextprotocol/protocolVersion"
_NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""Methods whose header `Mcp-Name` has this parameter."""
_TOKEN = re.compile(r"[\x20-\x7e]*")


class _CancelledError(ClocheError):
    """The client cancelled a request while its connection was being made."""


def serve(context: Context) -> int:
    """Forward messages until the end of standard input, and answer all of them."""
    settings = context.settings()
    if settings.api_key is None:
        raise SettingsError("There is no API key. Set CLOCHE_API_KEY.")
    bridge = Bridge(Transport(settings), sys.stdout.buffer)
    for line in iter(lambda: sys.stdin.buffer.readline(_MOST_BYTES + 1), b""):
        if line.strip():
            bridge.take(line)
    bridge.finish()
    return 0


@dataclass(slots=True)
class Bridge:
    """Forwards messages, each request in its own thread."""

    transport: Transport
    out: BinaryIO
    """Where messages to the client are written."""
    version: str | None = None
    """The revision that `initialize` agreed on."""
    _room: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(_MOST_AT_ONCE))
    _writing: threading.Lock = field(default_factory=threading.Lock)
    _changing: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list[threading.Thread])
    _open: dict[str, HTTPConnection | None] = field(
        default_factory=dict[str, "HTTPConnection | None"]
    )
    """The connections of requests that are not answered, by the JSON of their id."""

    def take(self, line: bytes) -> None:
        """Forward one message."""
        if len(line) > _MOST_BYTES:
            self._error(None, _INVALID_REQUEST, "the message is longer than 4 MiB")
            return
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            self._error(None, _PARSE_ERROR, "the line is not JSON")
            return
        if not isinstance(message, dict):
            self._error(None, _INVALID_REQUEST, "the message is not an object")
            return
        if message.get("method") == "notifications/cancelled":
            self._cancel(message.get("params"))
        if "id" not in message or message.get("method") == "initialize":
            self._forward(message)  # before the next message, which may depend on it
            return
        self._room.acquire()
        thread = threading.Thread(target=self._worker, args=(message,), daemon=True)
        self._threads = [one for one in self._threads if one.is_alive()]
        self._threads.append(thread)
        thread.start()

    def finish(self) -> None:
        """Wait until all requests are answered."""
        for thread in self._threads:
            thread.join()
        self.transport.close()

    def _worker(self, message: dict[str, Any]) -> None:
        try:
            self._forward(message)
        finally:
            self._room.release()

    def _forward(self, message: dict[str, Any]) -> None:
        name = json.dumps(message["id"]) if "id" in message else None
        with self._changing:
            if name is not None:
                self._open[name] = None
        request = Request(
            "POST", "/mcp", json.dumps(message).encode(), self._headers(message), _SECONDS
        )

        def connected(connection: HTTPConnection) -> None:
            if name is None:
                return
            with self._changing:
                if name not in self._open:
                    raise _CancelledError("It was cancelled before it was sent.")
                self._open[name] = connection

        try:
            with self.transport.open(request, connected) as opened:
                self._answer(message, opened)
        except ClocheError as error:
            with self._changing:
                is_open = name is None or name in self._open
            if name is not None and is_open:  # a cancelled request gets no answer
                self._error(message["id"], _FAILED, str(error))
        finally:
            if name is not None:
                with self._changing:
                    self._open.pop(name, None)

    def _answer(self, message: dict[str, Any], opened: Opened) -> None:
        kind = opened.response.headers.get_content_type()
        answered = False
        if kind == "text/event-stream":
            decoder = Decoder()
            for chunk in opened.chunks():
                for event in decoder.feed(chunk):
                    answered = self._pass_on(event.data, message) or answered
        else:
            body = opened.reply().body
            answered = bool(body.strip()) and self._pass_on(body.decode(errors="replace"), message)
        if "id" in message and not answered:
            text = f"the gateway answered HTTP {opened.status}"
            if opened.status in {401, 403}:
                text += ": the API key is missing or not valid; set CLOCHE_API_KEY"
            elif opened.status == 404:  # noqa: PLR2004
                text += ": MCP is not enabled there (the chart's gateway.dialects.mcp.enabled)"
            self._error(message["id"], _FAILED, text)

    def _pass_on(self, text: str, message: dict[str, Any]) -> bool:
        """Write a message of the gateway, and return whether it answers this request."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return False
        if not isinstance(found, dict) or found.get("jsonrpc") != "2.0":
            return False
        if message.get("method") == "initialize" and isinstance(found.get("result"), dict):
            version = found["result"].get("protocolVersion")
            self.version = version if isinstance(version, str) else None
        self._write(found)
        return "id" in found and "method" not in found

    def _cancel(self, params: Any) -> None:
        """Close the connection of a request, by which a client of 2026-07-28 cancels it."""
        if not isinstance(params, dict):
            return
        with self._changing:
            connection = self._open.pop(json.dumps(params.get("requestId")), None)
        if connection is not None and connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    def _headers(self, message: Mapping[str, Any]) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        params = message.get("params")
        params = params if isinstance(params, dict) else {}
        meta = params.get("_meta")
        modern = meta.get(_VERSION) if isinstance(meta, dict) else None
        version = modern if isinstance(modern, str) else self.version
        method = message.get("method")
        if version is not None and method != "initialize":
            headers["MCP-Protocol-Version"] = _encoded(version)
        if isinstance(method, str):
            headers["Mcp-Method"] = _encoded(method)
            name = params.get(_NAMED.get(method, ""))
            if isinstance(name, str):
                headers["Mcp-Name"] = _encoded(name)
        return headers

    def _error(self, request_id: Any, code: int, text: str) -> None:
        error = {"code": code, "message": text}
        self._write({"jsonrpc": "2.0", "id": request_id, "error": error})

    def _write(self, message: dict[str, Any]) -> None:
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        with self._writing:
            self.out.write(line)
            self.out.flush()


def _encoded(text: str) -> str:
    """Return a header's value, in base64 if it has characters that a header must not have."""
    if _TOKEN.fullmatch(text) and text == text.strip():
        return text
    return f"=?base64?{base64.b64encode(text.encode('utf-8', 'replace')).decode()}?="
