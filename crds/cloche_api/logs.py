"""Log lines with the IDs of the request and the execution, as JSON or as text.

Of what a client sends, only IDs, paths and sizes are logged: no code, input, environment or key.
"""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum


class LogFormat(StrEnum):
    """The format of log lines."""

    JSON = "json"
    TEXT = "text"


class LogLevel(StrEnum):
    """The lowest level that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


# Of the request and the execution that the task works on.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
execution_id: ContextVar[str | None] = ContextVar("execution_id", default=None)

_EXTRA = ("method", "path", "status", "seconds", "tenant", "key", "uid", "error")


def _fields(record: logging.LogRecord) -> dict[str, object]:
    ids = {"request_id": request_id.get(), "execution_id": execution_id.get()}
    own = {name: getattr(record, name, None) for name in (*ids, *_EXTRA)}
    merged = {**ids, **{name: value for name, value in own.items() if value is not None}}
    return {name: value for name, value in merged.items() if value is not None}


def _rfc3339(time: float) -> str:
    """Return a Unix time as RFC 3339 in UTC with milliseconds."""
    text = datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, message, then the known fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        line: dict[str, object] = {
            "time": _rfc3339(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """For a terminal: time, level, message, then the known fields as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with the traceback below it if there is one."""
        time = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
        known = " ".join(f"{name}={value}" for name, value in _fields(record).items())
        message = record.getMessage().replace("\n", "\\n")  # one event is one line
        line = f"{time} {record.levelname:7} {message} {known}".rstrip()
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def configure(form: LogFormat, level: LogLevel) -> None:
    """Send all log records to stderr in this format, from this level."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form is LogFormat.JSON else TextFormatter())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
