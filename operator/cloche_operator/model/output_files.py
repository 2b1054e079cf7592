"""The returned files of an execution in its status, and those that were left out. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_api import limits
from cloche_api.accounting.size import json_bytes

if TYPE_CHECKING:
    from cloche_api.resources.typed_dicts import (
        ExecutionStatusDict,
        OmittedFileDict,
        OutputFileDict,
    )
    from cloche_operator.protocol.exit_event import ExitEvent


def returned(event: ExitEvent) -> ExecutionStatusDict:
    """Return the fields of a status with files, or with files that were left out."""
    fields: ExecutionStatusDict = {
        "files": [
            {"path": file["path"], "contentBase64": file["base64"]} for file in event["files"]
        ],
        "filesTruncated": event["files_truncated"],
    }
    if omitted := event.get("files_omitted"):
        fields["filesOmitted"] = [
            {"path": file["path"], "size": file["size"], "reason": file["reason"]}
            for file in omitted
        ]
    return fields


def left_out(status: ExecutionStatusDict) -> ExecutionStatusDict:
    """Return the fields of a status whose files do not fit into it."""
    omitted = list(status.get("filesOmitted", []))
    left = limits.OMITTED_FILES_BYTES - sum(json_bytes(file["path"]) for file in omitted)
    for file in status.get("files", []):
        left -= json_bytes(file["path"])
        if left < 0 or len(omitted) >= limits.OMITTED_FILES_ENTRIES:
            break
        omitted.append(_omitted(file))
    return {"files": [], "filesTruncated": True, "filesOmitted": omitted}


def _omitted(file: OutputFileDict) -> OmittedFileDict:
    content = file["contentBase64"]
    size = len(content) // 4 * 3 - content[-2:].count("=")
    return {"path": file["path"], "size": size, "reason": "NoSpaceLeft"}
