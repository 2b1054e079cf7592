"""The frames of a session that keeps its interpreter: its start, and a cell that it runs."""

from __future__ import annotations

from cloche_supervisor.protocol import validate
from cloche_supervisor.protocol.frame import (
    Limits,
    afterwards_of,
    check_version,
    environment_of,
    failure_messages_of,
    files_of,
    limits_of,
    patterns_of,
    rlimits_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

_KEYS = (
    *("protocol", "execution", "interpreter", "cell", "files", "failure_messages"),
    *("timeout_seconds", "output_files", "limits", "results", "afterwards"),
)


class Interpreter:
    """How to start an interpreter: command line, environment and rlimits by their names."""

    def __init__(self, value: object) -> None:
        entry = validate.keys(value, "interpreter", ("command", "environment", "rlimits"))
        self.command = validate.words(entry["command"], "interpreter.command")
        self.environment = environment_of(entry["environment"], "interpreter.environment")
        self.rlimits = rlimits_of(entry["rlimits"], "interpreter.rlimits")


class StartFrame:
    """A request to start the interpreter before the first cell. It has no answer.

    Raises:
        ProtocolError: a key is missing, unknown or of the wrong type; the message names it.
    """

    kind: Literal["start"] = "start"
    afterwards: str | None = None
    """No cell runs, so that nothing follows."""

    def __init__(self, value: object) -> None:
        frame = validate.keys(value, "", ("protocol", "interpreter"))
        check_version(frame["protocol"])
        self.interpreter = Interpreter(frame["interpreter"])


class CellFrame:
    """One cell. The attributes are the frame's keys, and those of its objects.

    Raises:
        ProtocolError: a key is missing, unknown, of the wrong type or out of range; the message
            names it.
    """

    kind: Literal["cell"] = "cell"

    def __init__(self, value: object) -> None:
        frame = validate.keys(value, "", _KEYS)
        check_version(frame["protocol"])
        self.execution = validate.text(frame["execution"], "execution")
        self.interpreter = Interpreter(frame["interpreter"])
        cell = validate.keys(frame["cell"], "cell", ("code", "environment"))
        self.code = validate.text(cell["code"], "cell.code")
        self.environment = environment_of(cell["environment"], "cell.environment")
        self.files = files_of(frame["files"])
        self.failure_messages = failure_messages_of(frame["failure_messages"])
        self.timeout_seconds = validate.seconds(frame["timeout_seconds"], "timeout_seconds")
        self.output_files = patterns_of(frame["output_files"])
        names = ("stdout_bytes", "stderr_bytes", "files_bytes")
        self.limits: Limits = limits_of(frame["limits"], names)
        results = validate.keys(frame["results"], "results", ("entries", "bytes"))
        self.results_entries = validate.amount(results["entries"], "results.entries")
        self.results_bytes = validate.amount(results["bytes"], "results.bytes")
        self.afterwards = afterwards_of(frame["afterwards"])


def read(value: dict[str, object]) -> CellFrame | StartFrame:
    """Return the frame of a cell, or of the interpreter's start.

    Raises:
        ProtocolError: as the classes.
    """
    return CellFrame(value) if "cell" in value else StartFrame(value)
