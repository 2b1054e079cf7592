"""Events as a supervisor writes them."""

from __future__ import annotations

import json
from typing import Any


def exit_event(**changes: Any) -> dict[str, Any]:
    """Return the event of a program that exited with 0 and printed nothing, with these changes."""
    event = {
        "event": "exit",
        "exit_code": 0,
        "signal": None,
        "timed_out": False,
        "out_of_memory": False,
        "disk_full": False,
        "compiler_failed": False,
        "execution_seconds": 0.08,
        "compile_seconds": None,
        "check_seconds": None,
        "cpu_seconds": 0.03,
        "max_memory_bytes": 9_000_000,
        "compile_cpu_seconds": None,
        "compile_max_memory_bytes": None,
        "stdout_bytes": 0,
        "stderr_bytes": 0,
        "stdout_truncated": False,
        "stderr_truncated": False,
        "files": [],
        "files_truncated": False,
        "files_omitted": [],
        "syntax_error": None,
    }
    return event | changes


def lines(*events: dict[str, Any], first: int = 0) -> bytes:
    """Return the events as a log has them, numbered from `first` unless they have a number."""
    numbered = ({"seq": number} | event for number, event in enumerate(events, first))
    return b"".join(json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in numbered)
