"""The results and the error of a cell in its status. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_api import limits
from cloche_api.accounting.size import json_bytes, object_bytes
from cloche_api.resources.execution_status import ResultKind

if TYPE_CHECKING:
    from cloche_api.resources.typed_dicts import CellResultDict, ExecutionStatusDict
    from cloche_operator.protocol.cells import CellEnd
    from cloche_operator.protocol.events import Transcript

_KINDS = {"result": ResultKind.RESULT, "display": ResultKind.DISPLAY}


def fields(end: CellEnd, transcript: Transcript) -> ExecutionStatusDict:
    """Return the fields of a status that only a cell has. `end`: of its `exit` event."""
    shown = transcript.results
    cut = end["results_truncated"] or transcript.gap or (shown is not None and shown.cut)
    found: ExecutionStatusDict = {
        "results": [
            {"kind": _KINDS[result["kind"]], "data": result["data"]}
            for result in (shown.kept if shown else ())
        ],
        "resultsTruncated": cut,
        "stateLost": end["state_lost"],
    }
    if (error := end["error"]) is not None:
        found["error"] = {
            "name": error["name"],
            "value": error["value"],
            "traceback": error["traceback"],
        }
    return found


def cut(status: ExecutionStatusDict) -> None:
    """Remove the largest representations of results until the status fits, and flag that."""
    excess = object_bytes(status) - limits.STATUS_BYTES
    results: list[CellResultDict] = [
        {"kind": result["kind"], "data": {**result["data"]}} for result in status.get("results", [])
    ]
    sizes = [
        (json_bytes(text), at, mime)
        for at, result in enumerate(results)
        for mime, text in result["data"].items()
    ]
    for size, at, mime in sorted(sizes, reverse=True):
        if excess <= 0:
            break
        excess -= size
        del results[at]["data"][mime]
        status["resultsTruncated"] = True
    if sizes:
        status["results"] = [result for result in results if result["data"]]
