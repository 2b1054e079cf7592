"""The tools, as `tools/list` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloche_api import limits
from cloche_gateway.dialects.mcp import cells, descriptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloche_gateway.cluster.languages import Language

EXECUTE, LIST, CREATE, END = "execute_code", "list_languages", "create_session", "end_session"
ARGUMENTS: dict[str, tuple[str, ...]] = {
    EXECUTE: (
        *("code", "language", "stdin", "args", "files", "output_files", "timeout"),
        "session_id",
    ),
    LIST: (),
    CREATE: ("language", "idle_timeout", "lifetime", "stateful"),
    END: ("session_id",),
}
"""The arguments of each tool."""
_PREFERRED = "python"

_STRING, _BOOLEAN = {"type": "string"}, {"type": "boolean"}
_SECONDS_OR_NULL = {"type": ["number", "null"]}
_SESSION_ID = {"type": "string", "description": "The session_id that create_session returned."}


def definitions(languages: Sequence[Language]) -> list[dict[str, Any]]:
    """Return the tools as `tools/list` has them, always in the same order."""
    return [_execute(languages), _list(), _create(languages), _end()]


def default_language(names: Sequence[str]) -> str:
    """Return the language of a call that names none: an installed one, if any is."""
    return names[0] if names and _PREFERRED not in names else _PREFERRED


def _execute(languages: Sequence[Language]) -> dict[str, Any]:
    return {
        "name": EXECUTE,
        "title": "Run code",
        "description": descriptions.execute_code(languages),
        "inputSchema": {
            "type": "object",
            "properties": {
                "code": {"type": "string", "description": "The source code of the program."},
                "language": _language(languages),
                "stdin": {"type": "string", "description": "Standard input of the program."},
                "args": {
                    "type": "array",
                    "items": _STRING,
                    "maxItems": limits.ARGS_ENTRIES,
                    "description": "Arguments of the program.",
                },
                "files": {
                    "type": "array",
                    "maxItems": limits.FILES_ENTRIES,
                    "description": "Files to write to the working directory before the start.",
                    "items": _INPUT_FILE,
                },
                "output_files": {
                    "type": "array",
                    "items": _STRING,
                    "maxItems": limits.OUTPUT_FILES_ENTRIES,
                    "description": "Glob patterns of the files to return, such as *.png.",
                },
                "timeout": {
                    "type": "number",
                    "minimum": limits.TIMEOUT_SECONDS_MIN,
                    "maximum": limits.TIMEOUT_SECONDS_MAX,
                    "default": limits.TIMEOUT_SECONDS_DEFAULT,
                    "description": "Seconds after which the program is stopped.",
                },
                "session_id": _SESSION_ID,
            },
            "required": ["code"],
        },
        "outputSchema": _EXECUTED,
        "annotations": _annotations("Run code"),
    }


def _list() -> dict[str, Any]:
    return {
        "name": LIST,
        "title": "List languages",
        "description": descriptions.LANGUAGES,
        "inputSchema": {"type": "object", "additionalProperties": False},
        "outputSchema": {
            "type": "object",
            "properties": {"languages": {"type": "array", "items": _LANGUAGE}},
            "required": ["languages"],
        },
        "annotations": _annotations("List languages", read_only=True, idempotent=True),
    }


def _create(languages: Sequence[Language]) -> dict[str, Any]:
    return {
        "name": CREATE,
        "title": "Create a session",
        "description": descriptions.SESSION,
        "inputSchema": {
            "type": "object",
            "properties": {
                "language": _language(languages),
                "idle_timeout": _seconds("without a call", limits.SESSION_IDLE_SECONDS_DEFAULT),
                "lifetime": _seconds("in any case", limits.SESSION_LIFETIME_SECONDS_DEFAULT),
                "stateful": {
                    "type": "string",
                    "enum": ["interpreter"],
                    "description": "interpreter keeps variables and imports from call to call.",
                },
            },
        },
        "outputSchema": {
            "type": "object",
            "properties": {
                "session_id": _STRING,
                "language": _STRING,
                "expires_at": {"type": ["string", "null"], "description": "RFC 3339."},
                "stateful": _STRING,
            },
            "required": ["session_id", "language"],
        },
        "annotations": _annotations("Create a session"),
    }


def _end() -> dict[str, Any]:
    return {
        "name": END,
        "title": "End a session",
        "description": descriptions.END,
        "inputSchema": {
            "type": "object",
            "properties": {"session_id": _SESSION_ID},
            "required": ["session_id"],
        },
        "outputSchema": {
            "type": "object",
            "properties": {"session_id": _STRING, "ended": _BOOLEAN},
            "required": ["session_id", "ended"],
        },
        "annotations": _annotations("End a session", destructive=True, idempotent=True),
    }


def _language(languages: Sequence[Language]) -> dict[str, Any]:
    names = [one.name for one in languages]
    schema: dict[str, Any] = {"type": "string", "description": "The language of the program."}
    if names:
        schema |= {"enum": names, "default": default_language(names)}
    return schema


def _seconds(when: str, default: int) -> dict[str, Any]:
    return {
        "type": "integer",
        "minimum": 1,
        "maximum": limits.SESSION_SECONDS_MAX,
        "default": default,
        "description": f"Seconds {when} after which the session ends.",
    }


def _annotations(
    title: str, *, read_only: bool = False, destructive: bool = False, idempotent: bool = False
) -> dict[str, Any]:
    """Return the hints for clients. No tool reaches anything outside of its sandbox."""
    return {
        "title": title,
        "readOnlyHint": read_only,
        "destructiveHint": destructive,
        "idempotentHint": idempotent,
        "openWorldHint": False,
    }


_INPUT_FILE = {
    "type": "object",
    "properties": {
        "path": {"type": "string", "description": "Relative path, such as data/in.csv."},
        "content": {"type": "string", "description": "Text."},
        "content_base64": {"type": "string", "description": "Bytes in base64, instead of content."},
    },
    "required": ["path"],
}
_OUTPUT_FILE = {
    "type": "object",
    "properties": {
        "path": _STRING,
        "uri": {"type": "string", "description": "The URI of the content's embedded resource."},
        "mime_type": _STRING,
        "size": {"type": "integer", "description": "Size in bytes."},
    },
    "required": ["path", "uri", "mime_type", "size"],
}
_LANGUAGE = {
    "type": "object",
    "properties": {
        "name": _STRING,
        "version": {"type": ["string", "null"]},
        "aliases": {"type": "array", "items": _STRING},
    },
    "required": ["name", "version", "aliases"],
}
_EXECUTED = {
    "type": "object",
    "properties": {
        "stdout": _STRING,
        "stderr": _STRING,
        "exit_code": {
            "type": ["integer", "null"],
            "description": "128 + n if signal n ended the program.",
        },
        "reason": {
            "type": "string",
            "description": "Exited, Signaled, OutOfMemory, DiskFull, InvalidSyntax or "
            "CompilerFailed.",
        },
        "execution_time": _SECONDS_OR_NULL,
        "stdout_truncated": _BOOLEAN,
        "stderr_truncated": _BOOLEAN,
        "execution_id": _STRING,
        **cells.SCHEMA,
        "files": {
            "type": "array",
            "items": _OUTPUT_FILE,
            "description": "The returned files, whose bytes are in the content.",
        },
        "files_truncated": {"type": "boolean", "description": "Whether a file is missing."},
    },
    "required": ["stdout", "stderr", "exit_code", "execution_id"],
}
