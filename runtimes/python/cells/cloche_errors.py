"""Describe an exception that ended a cell."""

from __future__ import annotations

import os
import traceback

_TRACE_CHARACTERS = (8192, 24_576)  # kept of the beginning and the end of a long traceback
_NAME_CHARACTERS, _VALUE_CHARACTERS = 256, 4096
_OWN = os.path.dirname(__file__)


def described(raised: BaseException) -> dict[str, str]:
    """Return name, value and traceback of an exception, without the frames of this file."""
    kind = type(raised)
    try:
        value = str(raised)
    except Exception:  # noqa: BLE001 - it is the cell's class
        value = "<exception str() failed>"
    try:
        report = traceback.TracebackException(kind, raised, raised.__traceback__, compact=True)
        _cut(report)
        text = "".join(report.format())
    except Exception:  # noqa: BLE001 - for the same reason
        text = f"{kind.__name__}: {value[:_VALUE_CHARACTERS]}\n"
    first, last = _TRACE_CHARACTERS
    if len(text) > first + last:
        text = f"{text[:first]}\n…\n{text[-last:]}"
    return {
        "name": kind.__name__[:_NAME_CHARACTERS],
        "value": value[:_VALUE_CHARACTERS],
        "traceback": text,
    }


def _cut(report: traceback.TracebackException) -> None:
    """Remove the frames before that of the cell, and the handler of an interrupt."""
    waiting, seen = [report], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        frames = [frame for frame in one.stack if os.path.dirname(frame.filename) != _OWN]
        cells = [at for at, frame in enumerate(frames) if frame.filename.startswith("<cell ")]
        one.stack[:] = frames[cells[0] :] if cells else frames
        inner = (one.__cause__, one.__context__, *(getattr(one, "exceptions", None) or ()))
        waiting += [other for other in inner if other is not None]
