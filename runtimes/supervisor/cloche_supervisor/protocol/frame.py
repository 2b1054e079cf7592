"""The frame: the complete, validated description of one execution."""

from __future__ import annotations

import binascii
import json

from cloche_supervisor.protocol import validate
from cloche_supervisor.protocol.wire import VERSION, ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from cloche_supervisor.protocol.cell_frame import CellFrame, StartFrame
    from cloche_supervisor.protocol.file_frame import FileFrame
    from cloche_supervisor.protocol.prestart_frame import PrestartFrame

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
EXIT, RESET, KEEP_FILES = AFTERWARDS = ("exit", "reset", "keepFiles")
RESTART = "Restart"
ACTIONS = ("WriteFiles", "ReadFiles", "ListFiles", "RemoveFiles", RESTART)
"""What a frame can ask for in the place of a program."""
RLIMITS = ("nproc", "nofile", "fsize", "core", "stack")


class File:
    """A file for the workspace: its relative path and its content."""

    def __init__(self, path: str, content: bytes) -> None:
        self.path = path
        self.content = content


class Compile:
    """A compiler's command line and its timeout in seconds."""

    def __init__(self, command: tuple[str, ...], timeout_seconds: float) -> None:
        self.command = command
        self.timeout_seconds = timeout_seconds


class FailureMessages:
    """Lines that show why a program or a compiler failed; `*` in them matches any text."""

    def __init__(
        self,
        out_of_memory: tuple[str, ...],
        disk_full: tuple[str, ...],
        compiler_failed: tuple[str, ...],
    ) -> None:
        self.out_of_memory = out_of_memory
        self.disk_full = disk_full
        self.compiler_failed = compiler_failed


class Limits:
    """Bytes to keep of each stream and of all output files; rlimits by their names."""

    def __init__(self, stdout: int, stderr: int, files: int, rlimits: dict[str, int]) -> None:
        self.stdout_bytes = stdout
        self.stderr_bytes = stderr
        self.files_bytes = files
        self.rlimits = rlimits


class Frame:
    """One execution. The attributes are the frame's keys; `stdin` is bytes.

    Raises:
        ProtocolError: a key is missing, unknown, of the wrong type or out of range; the message
            names it.
    """

    kind: Literal["program"] = "program"

    def __init__(self, value: object) -> None:
        frame = validate.keys(value, "", _KEYS, ("merge_output",))
        check_version(frame["protocol"])
        self.execution = validate.text(frame["execution"], "execution")
        self.files = files_of(frame["files"])
        if not self.files:
            raise validate.wrong("files", "must contain the source")
        self.compile = _compile(frame["compile"])
        self.timeout_seconds = validate.seconds(frame["timeout_seconds"], "timeout_seconds")
        run = validate.keys(frame["run"], "run", ("command",), ("timeout_seconds",))
        self.run = validate.words(run["command"], "run.command")
        self.run_timeout_seconds = validate.seconds(
            run.get("timeout_seconds", self.timeout_seconds), "run.timeout_seconds"
        )
        self.syntax_check = _syntax_check(frame["syntax_check"])
        self.failure_messages = failure_messages_of(frame["failure_messages"])
        self.environment = environment_of(frame["environment"], "environment")
        self.stdin = validate.text(frame["stdin"], "stdin").encode()
        self.output_files = patterns_of(frame["output_files"])
        self.merge_output = validate.flag(frame.get("merge_output", False), "merge_output")
        self.limits = _limits(frame["limits"])
        self.afterwards = afterwards_of(frame["afterwards"])


_KEYS = (
    *("protocol", "execution", "files", "compile", "run", "syntax_check", "failure_messages"),
    *("environment", "stdin", "timeout_seconds", "output_files", "limits", "afterwards"),
)


def read(data: bytes) -> Frame | FileFrame | PrestartFrame | CellFrame | StartFrame:
    """Return the frame: of a program, an action on files, waiting processes, or an interpreter.

    Raises:
        ProtocolError: as the classes of these frames.
    """
    value = _parse(data)
    if isinstance(value, dict) and "prestart" in value:
        from cloche_supervisor.protocol.prestart_frame import PrestartFrame  # noqa: PLC0415

        return PrestartFrame(value)
    if isinstance(value, dict) and "action" in value:
        from cloche_supervisor.protocol.file_frame import FileFrame  # noqa: PLC0415 - rarely needed

        return FileFrame(value)
    if isinstance(value, dict) and "interpreter" in value:
        from cloche_supervisor.protocol import cell_frame  # noqa: PLC0415 - rarely needed

        return cell_frame.read(value)
    return Frame(value)


def check_version(value: object) -> None:
    """Check that the frame has the version of this protocol."""
    if validate.amount(value, "protocol") != VERSION:
        raise validate.wrong("protocol", f"must be {VERSION}")


def patterns_of(value: object) -> tuple[str, ...]:
    """Return the patterns of output files."""
    patterns = validate.array(value, "output_files")
    return tuple(validate.path(one, f"output_files[{i}]") for i, one in enumerate(patterns))


def afterwards_of(value: object) -> str:
    """Return what follows the execution."""
    afterwards = validate.text(value, "afterwards")
    if afterwards not in AFTERWARDS:
        raise validate.wrong("afterwards", f"must be one of {', '.join(AFTERWARDS)}")
    return afterwards


def _parse(data: bytes) -> object:
    try:
        return json.loads(data.decode())
    except UnicodeDecodeError:
        raise ProtocolError("frame: must be UTF-8") from None
    except RecursionError:
        raise ProtocolError("frame: is nested too deeply") from None
    except ValueError as error:
        raise ProtocolError(f"frame: is not JSON: {error}") from None


def files_of(value: object) -> tuple[File, ...]:
    """Return the files to write."""
    files: list[File] = []
    seen = set()
    for i, item in enumerate(validate.array(value, "files")):
        key = f"files[{i}]"
        kind = "base64" if isinstance(item, dict) and "base64" in item else "text"
        entry = validate.keys(item, key, ("path", kind))
        path = validate.path(entry["path"], f"{key}.path")
        if path in seen:
            raise validate.wrong(f"{key}.path", "is a duplicate")
        seen.add(path)
        content = validate.text(entry[kind], f"{key}.{kind}").encode()
        if kind == "base64":
            content = _base64(content, f"{key}.base64")
        files.append(File(path, content))
    return tuple(files)


def _base64(content: bytes, key: str) -> bytes:
    # The decoder skips characters outside the alphabet, and strict_mode needs Python 3.11.
    if content.rstrip(b"=").translate(None, delete=_BASE64):
        raise validate.wrong(key, "must be base64")
    try:
        return binascii.a2b_base64(content)
    except binascii.Error:
        raise validate.wrong(key, "must be padded base64") from None


def _compile(value: object) -> Compile | None:
    if value is None:
        return None
    entry = validate.keys(value, "compile", ("command", "timeout_seconds"))
    return Compile(
        validate.words(entry["command"], "compile.command"),
        validate.seconds(entry["timeout_seconds"], "compile.timeout_seconds"),
    )


def _syntax_check(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    entry = validate.keys(value, "syntax_check", ("command",))
    return validate.words(entry["command"], "syntax_check.command")


def failure_messages_of(value: object) -> FailureMessages:
    """Return the lines by which a failure is recognised."""
    names = ("out_of_memory", "disk_full", "compiler_failed")
    entry = validate.keys(value, "failure_messages", names)
    return FailureMessages(*(_messages(entry[name], f"failure_messages.{name}") for name in names))


def _messages(value: object, key: str) -> tuple[str, ...]:
    items = validate.array(value, key)
    return tuple(validate.text(item, f"{key}[{i}]") for i, item in enumerate(items))


def environment_of(value: object, key: str) -> dict[str, str]:
    """Return the environment variables."""
    if not isinstance(value, dict):
        raise validate.wrong(key, "must be an object")
    found = {}
    for name, text in value.items():
        if not validate.word(name, key) or "=" in name:
            raise validate.wrong(key, "a name must not be empty nor contain '='")
        found[name] = validate.word(text, f"{key}.{name[:100]}")
    return found


def _limits(value: object) -> Limits:
    names = ("stdout_bytes", "stderr_bytes", "files_bytes")
    limits = validate.keys(value, "limits", (*names, "rlimits"))
    return Limits(*_amounts(limits, names), rlimits_of(limits["rlimits"], "limits.rlimits"))


def limits_of(value: object, names: tuple[str, str, str]) -> Limits:
    """Return limits without rlimits."""
    return Limits(*_amounts(validate.keys(value, "limits", names), names), {})


def rlimits_of(value: object, key: str) -> dict[str, int]:
    """Return rlimits by their names."""
    rlimits = validate.keys(value, key, RLIMITS)
    return {name: validate.amount(rlimits[name], f"{key}.{name}") for name in RLIMITS}


def _amounts(limits: dict[str, object], names: tuple[str, str, str]) -> tuple[int, int, int]:
    stdout, stderr, files = (validate.amount(limits[name], f"limits.{name}") for name in names)
    return stdout, stderr, files
