"""The outcome of an action on the files of a session. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_api.resources.execution import Action
from cloche_api.resources.phases import Reason
from cloche_operator.model import output_files
from cloche_operator.model.status import Outcome, instant

if TYPE_CHECKING:
    from cloche_api.resources.typed_dicts import ExecutionStatusDict
    from cloche_operator.protocol.events import Transcript

_DONE = {
    Action.WRITE_FILES: "written",
    Action.READ_FILES: "read",
    Action.LIST_FILES: "listed",
    Action.REMOVE_FILES: "removed",
}


def outcome(action: Action, transcript: Transcript) -> Outcome:
    """Return the outcome of an action whose supervisor reported the end."""
    event = transcript.exit
    assert event is not None
    listed = event.get("listed") or []
    fields: ExecutionStatusDict = {"completionTime": instant(event["time"])}
    if transcript.started is not None:
        fields["startTime"] = instant(transcript.started)
    if listed:
        fields["listedFiles"] = [
            {
                "path": file["path"],
                "size": file["size"],
                "modifiedTime": instant(file["modified"]),
            }
            for file in listed
        ]
    if event["files"] or event["files_truncated"]:
        fields |= output_files.returned(event)
    if (problem := event.get("problem")) is not None:
        return Outcome(Reason.INVALID_FILES, f"spec.files: {problem}", fields)
    if action is Action.RESTART:
        return Outcome(Reason.ACTION_COMPLETED, "The interpreter was started anew.", fields)
    count = len(event["files"] if action is Action.READ_FILES else listed)
    return Outcome(Reason.ACTION_COMPLETED, f"Files {_DONE[action]}: {count}.", fields)
