"""The data that is sent to a Pod: the hello and the frame (docs/design/protocol.md)."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from cloche_api import limits
from cloche_api.resources import quantity
from cloche_api.resources.runtime import FailureMessages

if TYPE_CHECKING:
    from cloche_api.resources.amounts import UsedResources
    from cloche_api.resources.execution import ExecutionSpec
    from cloche_api.resources.input import File
    from cloche_api.resources.runtime import RuntimeSpec

PROTOCOL = 1
HELLO = b"CLO" + bytes([PROTOCOL])

_PROCESSES = (64, 512)  # least and most, threads included: Node starts 11, a JVM about 20
_OPEN_FILES = (256, 1024)  # least and most; the most is Linux' default
_STACK_BYTES = 8 * limits.MIB  # Linux' default


class Afterwards(StrEnum):
    """What the supervisor does when the program has ended."""

    EXIT = "exit"
    RESET = "reset"  # removes everything that the program left, and accepts another frame
    KEEP_FILES = "keepFiles"  # the same, but keeps the files in the working directory


def processes(memory: int) -> int:
    """Return how many processes and threads a program may have: one per MiB of memory.

    The limit depends on the memory, in bytes, because all programs share the node's process IDs,
    and a node has no more of them when it runs many small programs.
    """
    least, most = _PROCESSES
    return max(least, min(most, memory // limits.MIB))


def open_files(memory: int) -> int:
    """Return how many files each process of a program may have open: four per MiB of memory."""
    least, most = _OPEN_FILES
    return max(least, min(most, 4 * memory // limits.MIB))


def frame(
    uid: str,
    spec: ExecutionSpec,
    runtime: RuntimeSpec,
    used: UsedResources,
    afterwards: Afterwards = Afterwards.EXIT,
) -> bytes:
    """Return the frame of an execution: four bytes of length, then the JSON."""
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
        "failure_messages": _failure_messages(runtime.failure_messages or FailureMessages()),
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


def _failure_messages(of: FailureMessages) -> dict[str, list[str]]:
    return {
        "out_of_memory": of.out_of_memory or [],
        "disk_full": of.disk_full or [],
        "compiler_failed": of.compiler_failed or [],
    }


def _file(file: File) -> dict[str, str]:
    if file.content_base64 is not None:
        return {"path": file.path, "base64": file.content_base64}
    return {"path": file.path, "text": file.content or ""}
