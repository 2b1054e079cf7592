"""Check a submission and make the request of its execution. Pure functions."""

from __future__ import annotations

import math
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloche_api import limits
from cloche_gateway.dialects.fields import execute_request
from cloche_gateway.dialects.judge0 import archive, languages, values
from cloche_gateway.dialects.judge0 import facts as facts_of
from cloche_gateway.dialects.judge0.refusals import InvalidSubmissionError, Mistakes, creating
from cloche_gateway.models import ExecuteRequest, InputFile, Resources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloche_gateway.cluster.languages import Language, Languages
    from cloche_gateway.dialects.judge0.facts import Facts
    from cloche_gateway.dialects.judge0.languages import Found

_BLANK = "can't be blank"
_NOT_TEXT = "must be UTF-8 text"
_WORDS_CHARACTERS = 512
"""The longest `command_line_arguments` and `compiler_options`, as in Judge0."""
_REMOVED = str.maketrans("", "", "$&;<>|`")
"""What Judge0 removes from arguments before a shell reads them."""
_WITHOUT_EFFECT = re.compile(
    r"--?(O\w*|g\w*|W[\w=+-]*|std=[\w+]+|pedantic(-errors)?|pipe|pthread|lm|s|static)"
)
"""Compiler options that do not change what a valid program does, or that are set already."""
_SUPERVISOR_MIB = 12
"""Memory of a Pod that is not the program's. Judge0 does not count it."""
_ID_MAX = 2**31
_SQLITE, _DATABASE = "sqlite", "db.sqlite"
"""A program in SQL uses the database of this name, if it is one of the additional files."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A valid submission: the request that runs it, and what its answer needs."""

    request: ExecuteRequest
    facts: Facts


def prepared(given: Mapping[str, Any], installed: Languages, *, base64: bool) -> Prepared:
    """Return the submission with these parameters. `base64`: its texts are in base64.

    Raises:
        InvalidSubmissionError: parameters break rules of Judge0 or of Cloche.
        RefusedError: the languages are not known yet.
    """
    mistakes: Mistakes = {}
    with creating():
        found = _language(given, installed, mistakes)
    code = _text(given, "source_code", mistakes, base64=base64)
    if "source_code" not in mistakes and (not code or code.isspace()):
        mistakes["source_code"] = [_BLANK]
    stdin = _text(given, "stdin", mistakes, base64=base64)
    numbers = _numbers(given, mistakes)
    _check_options(given, found, mistakes)
    arguments = _words(given, "command_line_arguments", mistakes)
    files = _files(given, mistakes)
    if mistakes or found is None:
        raise InvalidSubmissionError(mistakes)
    if found.kind.name == _SQLITE and any(file.path == _DATABASE for file in files):
        code = f".open {_DATABASE}\n{code}"
    with creating():
        request = execute_request(
            code=code,
            language=found.language.name,
            stdin=stdin or None,
            timeout=float(numbers.get("wall_time_limit", values.RANGES["wall_time_limit"].default)),
            compile_timeout=float(values.COMPILE_SECONDS) if found.kind.compiled else None,
            args=_split(arguments) or None,
            files=files or None,
            resources=_resources(numbers.get("memory_limit"), found),
            merge_output=bool(numbers.get("redirect_stderr_to_stdout")) or None,
        )
    kept = facts_of.made(found.id, numbers, _expected(given, base64=base64))
    return Prepared(request, kept)


def _language(given: Mapping[str, Any], installed: Languages, mistakes: Mistakes) -> Found | None:
    try:
        asked = values.number(given.get("language_id"))
    except ValueError:
        asked = 0  # which Judge0 reads in other texts
    if asked is None:
        mistakes["language_id"] = [_BLANK]
        return None
    number = int(asked) if abs(asked) < _ID_MAX else 0
    found = languages.find(installed, number)
    if found is None:
        archived = languages.is_archived(number)
        rule = "is archived and cannot be used anymore" if archived else "doesn't exist"
        mistakes["language_id"] = [f"language with id {number} {rule}"]
    return found


def _text(given: Mapping[str, Any], name: str, mistakes: Mistakes, *, base64: bool) -> str | None:
    found = values.text(given.get(name))
    if found is None or not base64:
        return found
    try:
        return values.decoded(found).decode()
    except UnicodeDecodeError:
        mistakes[name] = [_NOT_TEXT]
        return None


def _expected(given: Mapping[str, Any], *, base64: bool) -> str | None:
    """Return the expected output. What is not UTF-8 is replaced, as in a program's output."""
    found = values.text(given.get("expected_output"))
    if found is None:
        return None
    raw = values.decoded(found) if base64 else found.encode("utf-8", "replace")
    return raw.decode("utf-8", "replace")


def _numbers(given: Mapping[str, Any], mistakes: Mistakes) -> dict[str, float | bool]:
    """Return the numbers and flags that the submission has."""
    found: dict[str, float | bool] = {}
    for name in values.RANGES:
        try:
            value = values.ranged(name, given.get(name))
        except ValueError as error:
            mistakes[name] = [str(error)]
            continue
        if value is not None:
            found[name] = value
    for name in values.FLAGS:
        if (flag := values.flag(given.get(name))) is not None:
            found[name] = flag
    if found.get("enable_network"):
        mistakes["enable_network"] = ["enabling network is not allowed"]
    for name in values.PER_PROCESS:
        if found.get(name):
            mistakes[name] = ["this option cannot be enabled"]
    if (values.text(given.get("callback_url")) or "").strip():
        mistakes["callback_url"] = ["setting callback is not allowed"]
    return found


def _words(given: Mapping[str, Any], name: str, mistakes: Mistakes) -> str:
    found = values.text(given.get(name)) or ""
    if len(found) > _WORDS_CHARACTERS:
        mistakes[name] = [f"is too long (maximum is {_WORDS_CHARACTERS} characters)"]
        return ""
    return found.strip()


def _check_options(given: Mapping[str, Any], found: Found | None, mistakes: Mistakes) -> None:
    """Reject compiler options that would have an effect, because the runtimes have their own."""
    options = _words(given, "compiler_options", mistakes)
    if not options or found is None:
        return
    if not found.kind.compiled:
        rule = "setting compiler options is only allowed for compiled languages"
        mistakes["compiler_options"] = [rule]
    elif not all(map(_WITHOUT_EFFECT.fullmatch, options.split())):
        mistakes["compiler_options"] = ["setting compiler options is not allowed"]


def _split(arguments: str) -> list[str]:
    """Return the words of a command line, as a shell splits it."""
    text = arguments.translate(_REMOVED)
    try:
        return shlex.split(text)
    except ValueError:  # a quotation mark without its twin
        return text.split()


def _files(given: Mapping[str, Any], mistakes: Mistakes) -> list[InputFile]:
    """Return the additional files, which are in base64 in any case."""
    found = values.text(given.get("additional_files"))
    if not found or found.isspace():
        return []
    try:
        return archive.unpacked(values.decoded(found))
    except archive.ArchiveError as error:
        mistakes["additional_files"] = [str(error)]
        return []


def _resources(limit: float | None, found: Found) -> Resources | None:
    """Return the resources for a limit in KB; None are those of waiting Pods.

    It is raised to what ordinary programs of the language need, and lowered to its maximum.
    """
    if limit is None:
        return None
    language: Language = found.language
    least = max(found.kind.least_memory, math.ceil(language.minimum.memory / limits.MIB))
    asked = max(math.ceil(limit / limits.KIB) + _SUPERVISOR_MIB, least)
    mib = min(asked, language.maximum.memory // limits.MIB)
    return None if mib * limits.MIB == language.defaults.memory else Resources(memory_mb=mib)
