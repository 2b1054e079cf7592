"""The results of tools: content for the model, and the same as a structure for programs."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pydantic_core import to_json

from cloche_api.resources.phases import Reason
from cloche_gateway.dialects.mcp import cells
from cloche_gateway.dialects.mcp.versions import Era
from cloche_gateway.dialects.outcome import Ending, outcome
from cloche_gateway.errors import RateLimitedError, SessionNotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloche_gateway.dialects.outcome import Outcome
    from cloche_gateway.errors import GatewayError
    from cloche_gateway.results import Answer

_IMAGES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
}
"""Files that are returned as images, by the extension of their names."""
_OTHERS = {
    "csv": "text/csv",
    "html": "text/html",
    "json": "application/json",
    "md": "text/markdown",
    "pdf": "application/pdf",
    "svg": "image/svg+xml",
    "txt": "text/plain",
    "xml": "application/xml",
    "zip": "application/zip",
}
_TEXT, _BYTES = "text/plain", "application/octet-stream"
_LATE = "The program was stopped, because it did not end within its timeout."
_ENDINGS = {
    Ending.OUT_OF_MEMORY: "out of memory",
    Ending.DISK_FULL: "the disk was full",
}


def success(structured: Mapping[str, Any], *content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of a call that succeeded. Without `content` it is the structure as text."""
    shown = list(content) or [text(to_json(structured).decode())]
    return {"content": shown, "structuredContent": structured, "isError": False}


def failure(*sentences: str) -> dict[str, Any]:
    """Return the result of a call that failed, from which the model can learn what to change."""
    return {"content": [text(one) for one in sentences if one], "isError": True}


def text(content: str) -> dict[str, Any]:
    """Return text as content."""
    return {"type": "text", "text": content}


def mistake(error: GatewayError) -> dict[str, Any]:
    """Return the result of a call that was refused, with what the model can do."""
    if isinstance(error, SessionNotFoundError):
        return failure(f"{error}. It may have ended: create a new one with create_session.")
    if isinstance(error, RateLimitedError):
        return failure(f"{error} More is allowed in {max(1, error.reset)} seconds.")
    return failure(str(error))


def executed(answer: Answer, unknown: Sequence[str]) -> dict[str, Any]:
    """Return the result of an execution. `unknown` are the arguments that were ignored.

    Raises:
        GatewayError: the execution has no result, as in `outcome`.
    """
    ended = outcome(answer)
    printed = _printed(ended, answer.body, unknown)
    if ended.ending is Ending.TIMED_OUT:
        return failure(str(answer.body["detail"]), _LATE, printed)
    files = [_Returned(ended.execution_id, one) for one in ended.files]
    structured = _structured(ended, answer.body, files)
    content = (*cells.images(answer.body), *(one.content for one in files))
    return success(structured, text(printed), *content)


class _Returned:
    """A file that the program wrote."""

    def __init__(self, execution_id: str, file: Mapping[str, str]) -> None:
        self.path, encoded = file["path"], file["content_base64"]
        self.uri = f"cloche://executions/{execution_id}/files/{quote(self.path.lstrip('/'))}"
        raw = base64.b64decode(encoded)
        self.size = len(raw)
        extension = self.path.rpartition(".")[2].lower()
        if extension in _IMAGES:
            self.mime_type = _IMAGES[extension]
            self.content: dict[str, Any] = {
                "type": "image",
                "data": encoded,
                "mimeType": self.mime_type,
            }
            return
        readable = _decoded(raw)
        self.mime_type = _OTHERS.get(extension, _BYTES if readable is None else _TEXT)
        held = {"blob": encoded} if readable is None else {"text": readable}
        resource = {"uri": self.uri, "mimeType": self.mime_type, **held}
        self.content = {"type": "resource", "resource": resource}


def _decoded(raw: bytes) -> str | None:
    if b"\0" in raw:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def _structured(
    ended: Outcome, body: Mapping[str, Any], files: Sequence[_Returned]
) -> dict[str, Any]:
    """Return what `outputSchema` describes.

    The bytes of files are not repeated here, because many clients show the structure to the model.
    """
    structured: dict[str, Any] = {
        "stdout": ended.stdout,
        "stderr": ended.stderr,
        "exit_code": ended.exit_code,
        "reason": body["reason"],
        "execution_time": body["execution_time"],
        "stdout_truncated": ended.stdout_truncated,
        "stderr_truncated": ended.stderr_truncated,
        "execution_id": ended.execution_id,
    }
    if "files" in body:
        structured["files"] = [
            {"path": one.path, "uri": one.uri, "mime_type": one.mime_type, "size": one.size}
            for one in files
        ]
        structured["files_truncated"] = bool(body.get("files_truncated"))
    return structured | cells.structured(body)


def _printed(ended: Outcome, body: Mapping[str, Any], unknown: Sequence[str]) -> str:
    """Return the output as a model reads it: stdout, stderr, and notes in brackets."""
    parts = [ended.stdout]
    if ended.stdout_truncated:
        parts.append("[stdout was cut here]")
    if ended.stderr:
        parts += ["[stderr]", ended.stderr]
    if ended.stderr_truncated:
        parts.append("[stderr was cut here]")
    parts += cells.printed(body)
    if ended.ending is not Ending.TIMED_OUT:
        parts += _notes(ended, body)
    parts += [f"[{name}: unknown argument, ignored]" for name in unknown]
    lines = "\n".join(part.removesuffix("\n") for part in parts if part)
    return lines or "[the program printed nothing]"


def _notes(ended: Outcome, body: Mapping[str, Any]) -> list[str]:
    notes = []
    if body["reason"] == Reason.INVALID_SYNTAX:
        notes.append("[the code is not valid, so the program was not run]")
    elif ended.in_compiler:
        notes.append("[this happened in the compiler, so the program was not run]")
    if ended.ending in _ENDINGS:
        notes.append(f"[{_ENDINGS[ended.ending]}]")
    if ended.signal is not None:
        notes.append(f"[killed by signal {ended.signal}]")
    if ended.exit_code:
        notes.append(f"[exit code {ended.exit_code}]")
    if "files" in body and not (ended.files or ended.in_compiler or body.get("files_omitted")):
        notes.append("[no file matches output_files]")
    notes += [
        f"[{one['path']} is not returned: {one['reason']}, {one['size']} bytes]"
        for one in body.get("files_omitted") or ()
    ]
    return notes


def complete(era: Era, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result with what each result of the era has."""
    return {"resultType": "complete", **content} if era is Era.MODERN else dict(content)
