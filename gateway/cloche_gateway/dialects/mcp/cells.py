"""What a cell of a session that keeps its interpreter shows, for the model and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_TEXTS = ("text/markdown", "text/plain", "text/latex", "application/json", "text/html")
"""The representations in which a model can read a result, the best one first."""

SCHEMA = {
    "results": {
        "type": "array",
        "description": "Values of a cell, in a session that keeps its interpreter. Images are in "
        "the content.",
        "items": {
            "type": "object",
            "properties": {
                "kind": {"type": "string"},
                "text": {"type": "string"},
                "mime_types": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["kind", "text", "mime_types"],
        },
    },
    "error": {
        "type": ["object", "null"],
        "description": "The exception that ended a cell.",
        "properties": {name: {"type": "string"} for name in ("name", "value", "traceback")},
    },
    "state_lost": {
        "type": "boolean",
        "description": "The interpreter ended, and what earlier cells defined is lost.",
    },
}
"""Properties of the structure of `execute_code`. Only a cell has them."""


def printed(body: Mapping[str, Any]) -> list[str]:
    """Return the results and the error of a cell as lines for the model; none without a cell."""
    if "state_lost" not in body:
        return []
    lines = [_text(one["data"]) for one in body["results"]]
    if body["results_truncated"]:
        lines.append("[results were left out]")
    if body["error"] is not None:
        lines.append(body["error"]["traceback"])
    if body["state_lost"]:
        lines.append("[the interpreter ended: all variables of earlier calls are lost]")
    return lines


def images(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the images of a cell as content, one of each result."""
    found = []
    for one in body.get("results") or ():
        mime = next((mime for mime in _IMAGES if mime in one["data"]), None)
        if mime is not None:
            found.append({"type": "image", "data": one["data"][mime], "mimeType": mime})
    return found


def structured(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the results of a cell, without the bytes that are in the content."""
    if "state_lost" not in body:
        return {}
    results = [
        {"kind": one["kind"], "text": _text(one["data"]), "mime_types": sorted(one["data"])}
        for one in body["results"]
    ]
    return {"results": results, "error": body["error"], "state_lost": body["state_lost"]}


def _text(data: Mapping[str, str]) -> str:
    return next((data[mime] for mime in _TEXTS if mime in data), "")
