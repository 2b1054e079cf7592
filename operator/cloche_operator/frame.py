"""What is sent into a Pod: the hello and the one frame (docs/design/protocol.md)."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from cloche_api import limits, quantity

if TYPE_CHECKING:
    from cloche_api.amounts import UsedResources
    from cloche_api.execution import ExecutionSpec
    from cloche_api.input import File
    from cloche_api.runtime import RuntimeSpec

PROTOCOL = 1
HELLO = b"CLO" + bytes([PROTOCOL])

_PROCESSES = (64, 512)  # threads too: Node starts 11, a JVM some 20
_OPEN_FILES = (256, 1024)  # at most Linux' own default
_STACK_BYTES = 8 * limits.MIB  # Linux' own default


class Afterwards(StrEnum):
    """What the supervisor does once the program has ended."""

    EXIT = "exit"
    RESET = "reset"  # removes all that the program left, and is ready for the next
    KEEP_FILES = "keepFiles"  # the same, but the files in the working directory stay


def processes(memory: int) -> int:
    """Processes and threads that a program of so many bytes of memory may have: one for each MiB.

    The numbers of all programs come from the node's, which has no more of them for many small ones.
    """
    least, most = _PROCESSES
    return max(least, min(most, memory // limits.MIB))


def open_files(memory: int) -> int:
    """Files that each process of such a program may have open: four for each MiB."""
    least, most = _OPEN_FILES
    return max(least, min(most, 4 * memory // limits.MIB))


def frame(
    uid: str,
    spec: ExecutionSpec,
    runtime: RuntimeSpec,
    used: UsedResources,
    afterwards: Afterwards = Afterwards.EXIT,
) -> bytes:
    """The frame for an execution: four bytes of length and the JSON."""
    content = _content(uid, spec, runtime, used) | {"afterwards": afterwards}
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return len(body).to_bytes(4, "big") + body


def _content(
    uid: str, spec: ExecutionSpec, runtime: RuntimeSpec, used: UsedResources
) -> dict[str, Any]:
    source = {"path": runtime.file_name, "text": spec.code}
    memory = quantity.whole(used.memory)
    return {
        "protocol": PROTOCOL,
        "execution": uid,
        "files": [source, *(_file(file) for file in spec.files or [])],
        "compile": runtime.compile
        and {
            "command": runtime.compile.command,
            "timeout_seconds": float(runtime.compile.timeout_seconds),
        },
        "run": {"command": [*runtime.run.command, *(spec.args or [])]},
        "syntax_check": runtime.syntax_check and {"command": runtime.syntax_check.command},
        "environment": {**(runtime.environment or {}), **(spec.environment or {})},
        "stdin": spec.stdin or "",
        "timeout_seconds": float(spec.timeout_seconds),
        "output_files": spec.output_files or [],
        "limits": {
            "stdout_bytes": limits.STDOUT_BYTES,
            "stderr_bytes": limits.STDERR_BYTES,
            "files_bytes": limits.OUTPUT_FILES_BYTES,
            "rlimits": {
                "nproc": processes(memory),
                "nofile": open_files(memory),
                "fsize": quantity.whole(used.disk),
                "core": 0,
                "stack": _STACK_BYTES,
            },
        },
    }


def _file(file: File) -> dict[str, str]:
    if file.content_base64 is not None:
        return {"path": file.path, "base64": file.content_base64}
    return {"path": file.path, "text": file.content or ""}
