"""What an interpreter reports of a cell, none of which is trusted.

A cell runs in the interpreter's process, so it can write anything here: other messages, half ones,
millions of them. Results that do not fit are dropped. Anything but a message ends the interpreter.
"""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_LENGTH_BYTES = 4
MESSAGE_BYTES_MAX = 1024 * 1024
"""More than a message with all results of a cell, whose text JSON may escape to twelve bytes."""
_READ_BYTES_MAX = 16 * MESSAGE_BYTES_MAX
"""In one cell, with the messages that are dropped."""
_MIME = re.compile(r"[a-z]+/[a-zA-Z0-9.+_-]{1,100}")
_MIMES_MAX = 16
KINDS = ("result", "display")
_ERROR = {"name": 256, "value": 4096, "traceback": 32_800}
"""The characters that are kept of an error."""
_EXIT_CODE_MAX = 255

_encode = json.JSONEncoder(ensure_ascii=False).encode


class End:
    """The end of a cell, as it reports it. `error` is its exception, or None."""

    def __init__(self, value: object) -> None:
        given = value if isinstance(value, dict) else {}
        error, code = given.get("error"), given.get("exit")
        self.error = _error(error) if isinstance(error, dict) else None
        self.exit_code = 1 if self.error is not None else 0
        if type(code) is int and 0 <= code <= _EXIT_CODE_MAX and self.error is None:
            self.exit_code = code
        self.truncated = given.get("truncated") is True
        """Whether the interpreter left results out."""


class Messages:
    """The messages of one cell. It is fed like a stream of output.

    `token`: what the messages of this cell have. Others are late ones of an earlier cell.
    `limits`: how many results, and bytes of them, are kept.
    `unread`: the beginning of a message, which lasts from cell to cell.
    `show`: called with the kind of a result and its texts by MIME type.
    """

    due: float | None = None

    def __init__(
        self,
        token: str,
        limits: tuple[int, int],
        unread: bytearray,
        show: Callable[[str, dict[str, str]], None],
    ) -> None:
        self.token = token
        self._entries, self._bytes = limits
        self._show = show
        self._data = unread
        self._total = 0
        self.end: End | None = None
        self.broken = False
        """Whether it has received something else than messages."""
        self.truncated = False
        """Whether results were left out."""

    @property
    def over(self) -> bool:
        """Whether the cell has ended, or nothing it reports can be understood."""
        return self.end is not None or self.broken

    def feed(self, data: bytes, now: float) -> None:  # noqa: ARG002 - the signature of Stream.feed
        """Add data that was read."""
        self._total += len(data)
        self.broken = self.broken or self._total > _READ_BYTES_MAX
        self._data += data
        while not self.over and len(self._data) >= _LENGTH_BYTES:
            length = int.from_bytes(self._data[:_LENGTH_BYTES], "big")
            if length > MESSAGE_BYTES_MAX:
                self.broken = True
            elif len(self._data) < _LENGTH_BYTES + length:
                return
            else:
                message = bytes(self._data[_LENGTH_BYTES : _LENGTH_BYTES + length])
                del self._data[: _LENGTH_BYTES + length]
                self._take(message)

    def flush(self) -> None:
        """Do nothing; required by Sink."""

    def _take(self, data: bytes) -> None:
        try:
            message = json.loads(data)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            self.broken = True
        elif message.get("token") != self.token:
            return
        elif "end" in message:
            self.end = End(message["end"])
            self.truncated = self.truncated or self.end.truncated
        else:
            self._result(message.get("result"))

    def _result(self, value: object) -> None:
        result = value if isinstance(value, dict) else {}
        kind, texts = result.get("kind"), result.get("data")
        if kind not in KINDS or not isinstance(texts, dict) or not _are_texts(texts):
            self.broken = True
            return
        size = sum(_bytes_of(text) + len(mime) for mime, text in texts.items())
        if self._entries == 0 or size > self._bytes:
            self.truncated = True
            return
        self._entries -= 1
        self._bytes -= size
        self._show(str(kind), texts)


def _bytes_of(text: str) -> int:
    return len(_encode(text).encode(errors="replace"))


def _are_texts(texts: dict[object, object]) -> bool:
    return 0 < len(texts) <= _MIMES_MAX and all(
        isinstance(mime, str) and _MIME.fullmatch(mime) and isinstance(text, str)
        for mime, text in texts.items()
    )


def _error(given: dict[str, object]) -> dict[str, str]:
    found = {}
    for name, most in _ERROR.items():
        text = given.get(name)
        found[name] = text[:most] if isinstance(text, str) else ""
    return found
