"""The bodies of requests."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypedDict

from cloche_client.core.wire import DEFAULT_TIMEOUT, WAITING_SECONDS
from cloche_client.files import read_files
from cloche_client.models import Program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloche_client.files import Files

_SIMPLE = (
    *("code", "language", "entry", "stdin", "timeout", "compile_timeout", "session_id"),
    "ttl_seconds",
)
_RESOURCES = ("cpu", "memory_mb", "disk_mb")


class ProgramFields(TypedDict, total=False):
    """Arguments of `run` besides code and language: the fields of Program."""

    entry: str | None
    stdin: str | None
    args: Sequence[str]
    environment: Mapping[str, str]
    files: Files
    """As in `read_files`: also paths of this machine."""
    output_files: Sequence[str]
    timeout: float | None
    compile_timeout: float | None
    merge_output: bool
    cpu: float | None
    memory_mb: int | None
    disk_mb: int | None
    session_id: str | None
    ttl_seconds: int | None


def program(
    code: str | Program, language: str | None, usual: str | None, fields: ProgramFields
) -> Program:
    """Return a program from the arguments of `run`: a program or its code, and further fields.

    `files` may have every form of `read_files`; paths of this machine are read now.

    The language is `language`, else that of the program, else `usual`, else Python.

    Raises:
        TypeError: a field is not known.
        UnsafePathError: an input file cannot be read.
    """
    given: dict[str, Any] = dict(fields)
    if "files" in given:
        given["files"] = read_files(given["files"] or {})
    if isinstance(code, Program):
        given |= {"language": language} if language else {}
        return replace(code, **given) if given else code
    return Program(code=code, language=language or usual or "python", **given)


def session(
    language: str,
    idle_timeout: int | None,
    lifetime: int | None,
    stateful: str | None,
    resources: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the JSON object for a new session. Raises TypeError for an unknown resource."""
    if unknown := set(resources) - set(_RESOURCES):
        raise TypeError(f"session() got an unexpected argument {min(unknown)!r}")
    given = {name: value for name, value in resources.items() if value is not None}
    made = {
        "idle_timeout": idle_timeout,
        "lifetime": lifetime,
        "stateful": stateful,
        "resources": given or None,
    }
    return {"language": language} | {k: v for k, v in made.items() if v is not None}


def body(one: Program) -> dict[str, Any]:
    """Return the JSON object for a program."""
    made = {name: getattr(one, name) for name in _SIMPLE}
    resources = {name: getattr(one, name) for name in _RESOURCES}
    made |= {
        "args": list(one.args),
        "environment": dict(one.environment),
        "files": [file(path, content) for path, content in one.files.items()],
        "output_files": list(one.output_files),
        "merge_output": one.merge_output or None,
        "resources": {k: v for k, v in resources.items() if v is not None},
    }
    # A stdin of "" is the same as none, and so are empty lists.
    return {name: value for name, value in made.items() if value not in (None, "", [], {})} | {
        "code": one.code,
        "language": one.language,
    }


def file(path: str, content: bytes) -> dict[str, str]:
    """Return the JSON object for an input file: text where it is UTF-8, because it is shorter."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return {"path": path, "content_base64": base64.b64encode(content).decode()}
    return {"path": path, "content": text}


def seconds(one: Program) -> float:
    """Return how long the server may take to answer a request that runs this program."""
    own = DEFAULT_TIMEOUT if one.timeout is None else one.timeout
    return own + (one.compile_timeout or 0) + WAITING_SECONDS
