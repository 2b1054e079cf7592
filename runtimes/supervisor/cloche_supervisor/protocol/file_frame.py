"""The frame of an action on the files of the working directory, which runs no program."""

from __future__ import annotations

from cloche_supervisor.protocol import validate
from cloche_supervisor.protocol.frame import (
    ACTIONS,
    afterwards_of,
    check_version,
    files_of,
    patterns_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

_KEYS = ("protocol", "execution", "action", "files", "output_files", "limits", "afterwards")


class FileFrame:
    """One action. The attributes are the frame's keys.

    Raises:
        ProtocolError: a key is missing, unknown, of the wrong type or out of range; the message
            names it.
    """

    kind: Literal["action"] = "action"

    def __init__(self, value: object) -> None:
        frame = validate.keys(value, "", _KEYS)
        check_version(frame["protocol"])
        self.execution = validate.text(frame["execution"], "execution")
        self.action = validate.text(frame["action"], "action")
        if self.action not in ACTIONS:
            raise validate.wrong("action", f"must be one of {', '.join(ACTIONS)}")
        self.files = files_of(frame["files"])
        self.output_files = patterns_of(frame["output_files"])
        limits = validate.keys(frame["limits"], "limits", ("files_bytes",))
        self.files_bytes = validate.amount(limits["files_bytes"], "limits.files_bytes")
        self.afterwards = afterwards_of(frame["afterwards"])
