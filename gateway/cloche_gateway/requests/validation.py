"""Validate what the models do not: sizes in bytes, paths, and limits of the language."""

from __future__ import annotations

import base64
import binascii
import re
from decimal import Decimal
from typing import TYPE_CHECKING

from cloche_api import limits
from cloche_api.resources.input import PATTERN_RULE, SCRATCH, in_working_directory
from cloche_gateway.errors import InvalidRequestError, TooLargeError
from cloche_gateway.requests import manifest

if TYPE_CHECKING:
    from cloche_gateway.cluster.languages import Language
    from cloche_gateway.models import ExecuteRequest, InputFile, Resources

SESSION_ID_RULE = f"must be 1 to {limits.SESSION_ID_CHARACTERS} characters"
_COMPONENT_BYTES = 255  # NAME_MAX of Linux
_PATH_RULE = "must be a relative path without empty, '.' or '..' parts"


def check(request: ExecuteRequest, language: Language) -> None:
    """Check all fields of a request.

    Raises:
        InvalidRequestError: a field breaks a rule. The message names both.
        TooLargeError: a field is too large. The message names it and its limit.
    """
    if request.entry is not None and request.entry not in language.entries:
        raise InvalidRequestError("entry", _entry_rule(language))
    _text("code", request.code, limits.CODE_BYTES)
    if request.stdin is not None:
        _text("stdin", request.stdin, limits.STDIN_BYTES)
    _timeouts(request)
    if request.session_id is not None:
        _session_id(request.session_id)
    _environment(request.environment or {})
    _arguments(request.args or [])
    check_files(request.files or [], language)
    for index, pattern in enumerate(request.output_files or []):
        check_path(f"output_files[{index}]", in_working_directory(pattern), PATTERN_RULE)
    if request.resources is not None:
        check_resources(request.resources, language)


def check_cell(request: ExecuteRequest) -> None:
    """Check a request that runs as a cell, for which there is no new process.

    Raises:
        InvalidRequestError: a field can only be given to a new process.
    """
    of_a_process = {
        "args": request.args,
        "entry": request.entry,
        "stdin": request.stdin,
        "merge_output": request.merge_output,
    }
    for field, value in of_a_process.items():
        if value:
            raise InvalidRequestError(
                field, "must be absent in a session that keeps its interpreter"
            )


def file_bytes(file: InputFile) -> int:
    """Return the size in bytes of a validated file in the working directory."""
    if file.content is not None:
        return len(file.content.encode())
    return len(base64.b64decode(file.content_base64 or ""))


def _timeouts(request: ExecuteRequest) -> None:
    if request.compile_timeout is None:
        return
    total = manifest.total_seconds(request)
    if total > limits.TIMEOUT_SECONDS_MAX:
        raise InvalidRequestError(
            "compile_timeout",
            f"must be at most {limits.TIMEOUT_SECONDS_MAX} seconds together with timeout, "
            f"but they are {total:g}",
        )


def _session_id(session_id: str) -> None:
    if len(session_id) > limits.SESSION_ID_CHARACTERS:
        raise TooLargeError(
            f"session_id: must be at most {limits.SESSION_ID_CHARACTERS} characters, "
            f"but has {len(session_id)}"
        )
    _utf8("session_id", session_id)


def _entry_rule(language: Language) -> str:
    if not language.entries:
        return f"must be absent, because {language.name} has no entries"
    return f"must be one of the entries of {language.name}: {', '.join(language.entries)}"


def _text(field: str, text: str, limit: int) -> int:
    size = _utf8(field, text)
    if size > limit:
        raise TooLargeError(f"{field}: must be at most {limit // 1024} KiB, but has {size} bytes")
    return size


def _utf8(field: str, text: str, *, nul: bool = True) -> int:
    """Return the text's length in bytes of UTF-8.

    Raises:
        InvalidRequestError: it has a lone surrogate, or, unless `nul`, a NUL character.
    """
    if not nul and "\0" in text:
        raise InvalidRequestError(field, "must not contain a NUL character")
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise InvalidRequestError(field, "must not contain lone surrogates") from None


def _environment(environment: dict[str, str]) -> None:
    size = 0
    for name, value in environment.items():
        if not re.fullmatch(limits.ENVIRONMENT_NAME.rstrip("$"), name):
            raise InvalidRequestError(
                f"environment.{name[:100]}",
                "a name must be letters, digits and underscores, and must not start with a digit",
            )
        size += len(name) + _utf8(f"environment.{name[:100]}", value, nul=False)
    if size > limits.ENVIRONMENT_BYTES:
        raise TooLargeError(f"environment: must be at most 64 KiB together, but has {size} bytes")


def _arguments(arguments: list[str]) -> None:
    size = sum(_utf8(f"args[{index}]", a, nul=False) for index, a in enumerate(arguments))
    if size > limits.ARGS_BYTES:
        raise TooLargeError(f"args: must be at most 64 KiB together, but has {size} bytes")


def check_files(files: list[InputFile], language: Language) -> None:
    """Check the files of a request.

    Raises:
        InvalidRequestError, TooLargeError: as `check`.
    """
    size = 0
    places: set[str] = {language.file_name}
    for index, file in enumerate(files):
        field = f"files[{index}]"
        check_path(f"{field}.path", file.path)
        _place(f"{field}.path", file.path, places, language)
        if (file.content is None) == (file.content_base64 is None):
            raise InvalidRequestError(field, "must have either content or content_base64")
        if file.content is not None:
            _utf8(f"{field}.content", file.content)
        else:
            _base64(f"{field}.content_base64", file.content_base64 or "")
        size += file_bytes(file)
    if size > limits.FILES_BYTES:
        raise TooLargeError(f"files: must be at most 512 KiB together, but has {size} bytes")


def _base64(field: str, text: str) -> None:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequestError(field, "must be base64") from None


def check_path(field: str, path: str, rule: str = _PATH_RULE) -> None:
    """Check a path or a pattern in the working directory.

    Raises:
        InvalidRequestError, TooLargeError: as `check`.
    """
    too_long = TooLargeError(f"{field}: must be at most {limits.FILE_PATH_CHARACTERS} characters")
    if len(path) > limits.FILE_PATH_CHARACTERS:  # before it is split, because it can have 4 MiB
        raise too_long
    _utf8(field, path, nul=False)
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise InvalidRequestError(field, rule)
    if any(len(part.encode()) > _COMPONENT_BYTES for part in parts):
        raise too_long


def _place(field: str, path: str, places: set[str], language: Language) -> None:
    """Reject a path that is taken, or that another file needs as a directory."""
    if path == language.file_name:
        raise InvalidRequestError(field, f"must not be {path}, the name of the source file")
    if path == SCRATCH:
        raise InvalidRequestError(field, f"must not be {SCRATCH}, which is the directory of /tmp")
    if path in places:
        raise InvalidRequestError(field, "is given twice")
    above = path.split("/")[:-1]
    if any("/".join(above[: depth + 1]) in places for depth in range(len(above))) or any(
        other.startswith(path + "/") for other in places
    ):
        raise InvalidRequestError(field, "must not be below another file, or another file below it")
    places.add(path)


def check_resources(resources: Resources, language: Language) -> None:
    """Check the resources of an execution or a session against the language's range.

    Raises:
        InvalidRequestError: an amount is out of range. The message names the field and the range.
    """
    least, top, name = language.minimum, language.maximum, language.name
    _amount("cpu", resources.cpu, least.cpu, top.cpu, name)
    _amount("memory_mb", resources.memory_mb, _mib(least.memory), _mib(top.memory), name)
    _amount("disk_mb", resources.disk_mb, _mib(least.disk), _mib(top.disk), name)
    if resources.disk_mb is not None:
        memory = resources.memory_mb
        available = Decimal(memory) if memory is not None else _mib(language.defaults.memory)
        if resources.disk_mb > available:
            raise InvalidRequestError(
                "resources.disk_mb",
                f"must be at most memory_mb ({_plain(available)}), because the disk is in memory",
            )


def _amount(field: str, value: float | None, least: Decimal, most: Decimal, language: str) -> None:
    if value is not None and not least <= Decimal(repr(value)) <= most:
        given = repr(value)[:20]  # a number may have 400 digits
        raise InvalidRequestError(
            f"resources.{field}",
            f"must be between {_plain(least)} and {_plain(most)} for {language}, but is {given}",
        )


def _mib(size: int) -> Decimal:
    return Decimal(size) / limits.MIB


def _plain(number: Decimal) -> str:
    """Format a number without an exponent: 2, 0.01 or 2048."""
    return f"{number.normalize():f}"
