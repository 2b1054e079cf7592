"""The data that is sent to a Pod: the hello and the frame (docs/design/protocol.md)."""

from __future__ import annotations

import base64
import json
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from cloche_api import limits
from cloche_api.resources import quantity
from cloche_api.resources.input import in_working_directory
from cloche_api.resources.runtime import ByteOrderMark, FailureMessages, LineEnds, commands

if TYPE_CHECKING:
    from cloche_api.resources.amounts import UsedResources
    from cloche_api.resources.execution import Action, ExecutionSpec
    from cloche_api.resources.input import File
    from cloche_api.resources.runtime import RuntimeSpec, SourceText

PROTOCOL = 1
HELLO = b"CLO" + bytes([PROTOCOL])

_PROCESSES = (64, 512)  # least and most, threads included: Node starts 11, a JVM about 20
_OPEN_FILES = (256, 1024)  # least and most; the most is Linux' default
_STACK_BYTES = 8 * limits.MIB  # Linux' default, and the least
_CACHED_STACKS = 5  # glibc's default: 40 MiB of stacks with 8 MiB each

OUTPUT_LIMITS = {
    "stdout_bytes": limits.STDOUT_BYTES,
    "stderr_bytes": limits.STDERR_BYTES,
    "files_bytes": limits.OUTPUT_FILES_BYTES,
}
"""Bytes that are kept of the output of a program, and of its files."""


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


def stack(memory: int) -> int:
    """Return the size limit of the main thread's stack in bytes: the memory limit.

    A deep recursion may use all memory. glibc takes this limit as the default size of other
    threads' stacks, which is only address space until a thread uses it.
    """
    return max(_STACK_BYTES, memory)


def default_environment(used: UsedResources) -> dict[str, str]:
    """Return the variables that depend on the program's resources.

    Most libraries count the node's processors and start as many threads. These variables set the
    CPU limit instead, rounded up: OMP_NUM_THREADS for `nproc`, OpenMP, OpenBLAS and Node.js (see
    interfaces.js), the others for the runtimes in their names. Java reads the limit itself.
    GLIBC_TUNABLES keeps as many stacks of ended threads as glibc does by default, because starting
    a thread with a new stack takes twice as long.
    """
    processors = str(quantity.whole(used.cpu))
    cached = _CACHED_STACKS * stack(quantity.whole(used.memory))
    return {
        "OMP_NUM_THREADS": processors,
        "PYTHON_CPU_COUNT": processors,
        "GOMAXPROCS": processors,
        "DOTNET_PROCESSOR_COUNT": processors,
        "GLIBC_TUNABLES": f"glibc.pthread.stack_cache_size={cached}",
    }


def environment_of_runtime(runtime: RuntimeSpec, used: UsedResources) -> dict[str, str]:
    """Return the variables of every program of a runtime with these limits."""
    return {**default_environment(used), **(runtime.environment or {})}


def resource_limits(used: UsedResources) -> dict[str, int]:
    """Return the resource limits of a program by their names."""
    memory = quantity.whole(used.memory)
    return {
        "nproc": processes(memory),
        "nofile": open_files(memory),
        # More than any directory holds, so that a write that does not fit gets ENOSPC.
        "fsize": 2 * memory,
        "core": 0,
        "stack": stack(memory),
    }


def frame(
    uid: str,
    spec: ExecutionSpec,
    runtime: RuntimeSpec,
    used: UsedResources,
    afterwards: Afterwards = Afterwards.EXIT,
) -> bytes:
    """Return the frame of an execution: four bytes of length, then the JSON.

    Raises:
        UnknownEntryError: the runtime has no such entry.
    """
    if spec.action is not None:
        content = _of_action(uid, spec.action, spec)
    else:
        content = _content(uid, spec, runtime, used)
    content["afterwards"] = afterwards
    return encoded(content)


def encoded(content: dict[str, Any]) -> bytes:
    """Return four bytes of length and the JSON."""
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return len(body).to_bytes(4, "big") + body


def _of_action(uid: str, action: Action, spec: ExecutionSpec) -> dict[str, Any]:
    """Return the content of a frame that runs no program. The files are written as they are."""
    return {
        "protocol": PROTOCOL,
        "execution": uid,
        "action": action,
        "files": [input_file(one, None) for one in spec.files or []],
        "output_files": list(map(in_working_directory, spec.output_files or [])),
        "limits": {"files_bytes": limits.OUTPUT_FILES_BYTES},
    }


def _content(
    uid: str, spec: ExecutionSpec, runtime: RuntimeSpec, used: UsedResources
) -> dict[str, Any]:
    # Optional keys are sent only if they are needed, because a supervisor of an earlier image
    # rejects them.
    source = {"path": runtime.file_name, "text": source_text(spec.code or "", runtime.source)}
    merged = {"merge_output": True} if spec.merge_output else {}
    return {
        **merged,
        "protocol": PROTOCOL,
        "execution": uid,
        "files": [source, *(input_file(one, runtime.source) for one in spec.files or [])],
        **_stages(spec, runtime),
        "syntax_check": runtime.syntax_check and {"command": runtime.syntax_check.command},
        "failure_messages": failure_messages(runtime.failure_messages),
        "environment": {**environment_of_runtime(runtime, used), **(spec.environment or {})},
        "stdin": spec.stdin or "",
        "output_files": list(map(in_working_directory, spec.output_files or [])),
        "limits": {**OUTPUT_LIMITS, "rlimits": resource_limits(used)},
    }


def failure_messages(given: FailureMessages | None) -> dict[str, list[str]]:
    """Return the lines by which a failure is recognised."""
    of = given or FailureMessages()
    return {
        "out_of_memory": of.out_of_memory or [],
        "disk_full": of.disk_full or [],
        "compiler_failed": of.compiler_failed or [],
    }


def _stages(spec: ExecutionSpec, runtime: RuntimeSpec) -> dict[str, Any]:
    """Return compiler and program with their time limits, and that of both.

    The program's own limit is an optional key, and is sent only if it is needed.
    """
    compiler, program = commands(runtime, spec.entry)
    run: dict[str, Any] = {"command": [*program.command, *(spec.args or [])]}
    if compiler is None:
        return {"compile": None, "run": run, "timeout_seconds": float(spec.timeout_seconds)}
    limit, total = float(compiler.timeout_seconds), float(spec.timeout_seconds)
    if spec.compile_timeout_seconds is not None:
        run["timeout_seconds"] = total
        limit, total = min(limit, spec.compile_timeout_seconds), spec.total_seconds
    compile_ = {"command": compiler.command, "timeout_seconds": limit}
    return {"compile": compile_, "run": run, "timeout_seconds": total}


def input_file(file: File, how: SourceText | None) -> dict[str, str]:
    """Return an input file as a frame has it."""
    name = file.path.rpartition("/")[2]
    if not any(fnmatchcase(name, pattern) for pattern in (how and how.files) or ()):
        how = None
    if file.content_base64 is not None:
        return {"path": file.path, "base64": _base64(file.content_base64, how)}
    return {"path": file.path, "text": source_text(file.content or "", how)}


def source_text(text: str, how: SourceText | None) -> str:
    """Return the text of a source file as the language's tools accept it."""
    if how is None:
        return text
    if how.byte_order_mark is ByteOrderMark.REMOVE:
        text = text.removeprefix("\ufeff")
    # In a file with other line ends, CR LF is the content of a string or of a document.
    if how.line_ends is LineEnds.UNIX and 2 * text.count("\r\n") > text.count("\n"):
        text = text.replace("\r\n", "\n")
    return text


def _base64(encoded: str, how: SourceText | None) -> str:
    """Do the same as `source_text` with a file in base64, unless it is not UTF-8."""
    if how is None:
        return encoded
    given = base64.b64decode(encoded)
    try:
        changed = source_text(given.decode(), how).encode()
    except UnicodeDecodeError:
        return encoded
    return encoded if changed == given else base64.b64encode(changed).decode()
