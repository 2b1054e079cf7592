"""Runs: a program, its input and files, and how it ended."""

from __future__ import annotations

import base64
import functools
import re
import signal
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Body, Security
from starlette.responses import Response  # noqa: TC002  FastAPI reads it

from cloche_api import limits
from cloche_gateway.dialects.fields import base64_file, execute_request
from cloche_gateway.dialects.jobe.answers import (
    PREFIX,
    RUNS,
    FileMissingError,
    MistakeError,
    result,
)
from cloche_gateway.dialects.jobe.languages import language_of
from cloche_gateway.dialects.outcome import Ending, Outcome, outcome
from cloche_gateway.errors import TooLargeError
from cloche_gateway.http.request import Call
from cloche_gateway.http.route import Later
from cloche_gateway.limits.rates import Kind
from cloche_gateway.services import execution

if TYPE_CHECKING:
    from cloche_gateway.models import ExecuteRequest, InputFile
    from cloche_gateway.services.submission import Plan

_COMPILE_ERROR, _RUNTIME_ERROR, _TIME_LIMIT, _SUCCESS, _MEMORY_LIMIT = 11, 12, 13, 15, 17
_CPU_SECONDS = 5.0
_CPU_SECONDS_MAX = limits.TIMEOUT_SECONDS_MAX // 2
_WALL_SECONDS = 2
"""A program may take this number of seconds for each second of its processor time, as in Jobe."""
_COMPILE_SECONDS = 30
_COMPILED = frozenset({"c", "cpp", "csharp", "go", "java", "rust", "typescript"})
"""Languages whose compiler has its own timeout."""
_CHECKED = frozenset({"php", "python"})
"""Languages without a compiler, whose source Jobe compiles nevertheless before it is run."""
_UNSAFE = re.compile(r"[<>:\"/\\|?*\x00-\x1f\x7f\xa0\xad#\[\]@!$&'()+,;={}^~`]|^[.-]")
_FILE_ID = re.compile(r"[A-Za-z0-9]{8,}")
_FILE_NAME = re.compile(r"[A-Za-z0-9._-]*[A-Za-z0-9][A-Za-z0-9._-]*")
_MANY_DIGITS = 400
_FILE_PARTS = (2, 3)

router = RUNS.router(PREFIX)
Executing = Annotated[Call, Security(RUNS.admission(Kind.EXECUTIONS))]


@router.post("/runs")
async def run(call: Executing, body: Annotated[Any, Body()]) -> Response:
    """Run a program."""
    asked, seconds = _request(call, _spec(body))
    planned = await execution.plan(call.context, call.origin(), asked, call.held)
    return Later(functools.partial(_run, call, planned, asked.language, seconds))


async def _run(call: Call, planned: Plan, language: str, seconds: float) -> Response:
    async with call.disconnect() as gone:
        answer = await execution.execute(call.context, planned, gone)
    return _answer(outcome(answer), language, seconds)


def _spec(body: Any) -> dict[str, Any]:
    """Return the `run_spec` of a body.

    Raises:
        MistakeError: there is none, or a required field is missing.
    """
    spec = body.get("run_spec") if isinstance(body, dict) else None
    if not isinstance(spec, dict):
        raise MistakeError("No run_spec attribute found in post data")
    for field in ("sourcecode", "language_id"):
        if spec.get(field) is None:
            raise MistakeError(f"run_spec is missing the required attribute '{field}'")
        if not isinstance(spec[field], str):
            raise MistakeError(f"{field} must be a string")
    return spec


def _request(call: Call, spec: dict[str, Any]) -> tuple[ExecuteRequest, float]:
    """Return the request of a `run_spec`, and the most processor time of the program in seconds.

    `memorylimit` is ignored, because in Jobe it limits the address space, which no Pod does, and
    so are `disklimit`, `streamsize`, `numprocs` and the arguments of compilers and interpreters.

    Raises:
        MistakeError: a field is not valid.
        FileMissingError: a file is not kept.
        GatewayError: as `execute_request`.
    """
    language = language_of(spec["language_id"], call.context.languages).name
    parameters = spec.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    seconds = _cpu_seconds(parameters.get("cputime"))
    name = spec.get("sourcefilename")
    if name is not None and (not isinstance(name, str) or _UNSAFE.search(name)):
        raise MistakeError("The sourcefilename for the run_spec is illegal")
    timeout = min(_WALL_SECONDS * seconds, limits.TIMEOUT_SECONDS_MAX)
    apart = min(_COMPILE_SECONDS, int(limits.TIMEOUT_SECONDS_MAX - timeout))
    arguments = parameters.get("runargs")
    asked = execute_request(
        code=spec["sourcecode"],
        language=language,
        stdin=_input(spec.get("input")),
        args=arguments if isinstance(arguments, list) else None,
        files=_files(call, spec.get("file_list")),
        timeout=max(timeout, limits.TIMEOUT_SECONDS_MIN),
        compile_timeout=apart if apart and language in _COMPILED else None,
    )
    return asked, seconds


def _cpu_seconds(given: Any) -> float:
    """Return the most processor time. What is no number gives the default, as in Jobe.

    Raises:
        MistakeError: it is more than the service allows.
    """
    if isinstance(given, str) and len(given) <= _MANY_DIGITS:
        try:
            given = float(given)
        except ValueError:
            given = None
    if isinstance(given, bool) or not isinstance(given, int | float) or not given > 0:
        return _CPU_SECONDS
    if given >= _CPU_SECONDS_MAX + 1:
        raise MistakeError(
            f"cputime exceeds maximum allowed on this Jobe server ({_CPU_SECONDS_MAX} secs)"
        )
    return min(float(given), _CPU_SECONDS_MAX)


def _input(given: Any) -> str:
    if given is None:
        return ""
    if isinstance(given, str):
        return given
    if isinstance(given, int | float):
        return str(given)
    raise MistakeError("input must be a string")


def _files(call: Call, given: Any) -> list[InputFile]:
    """Return the files of a run.

    Raises:
        MistakeError: an item is no pair of id and name.
        TooLargeError: there are too many.
        FileMissingError: one is not kept.
    """
    if given is None:
        return []
    if not isinstance(given, list):
        raise MistakeError("file_list must be a list")
    if len(given) > limits.FILES_ENTRIES:
        raise TooLargeError(f"file_list: must have at most {limits.FILES_ENTRIES} entries")
    for item in given:
        if not _is_file(item):
            raise MistakeError("Invalid file specifier in file_list")
    uploads, tenant = call.context.uploads, call.caller.tenant
    found, size = list[tuple[str, bytes]](), 0
    for name, place, *_ in given:
        content = uploads.get(tenant, name)
        if content is None:
            raise FileMissingError
        size += len(content)
        if size > limits.FILES_BYTES:
            most = limits.FILES_BYTES // limits.KIB
            raise TooLargeError(f"file_list: the files must have at most {most} KiB together")
        found.append((place, content))
    return [base64_file(place, base64.b64encode(content).decode()) for place, content in found]


def _is_file(item: Any) -> bool:
    if not isinstance(item, list) or len(item) not in _FILE_PARTS:
        return False
    name, place = item[0], item[1]
    return (
        isinstance(name, str)
        and isinstance(place, str)
        and _FILE_ID.fullmatch(name) is not None
        and len(place) <= limits.FILE_PATH_CHARACTERS
        and _FILE_NAME.fullmatch(place) is not None
    )


def _answer(ended: Outcome, language: str, seconds: float) -> Response:
    """Return the response to a run whose program may take this processor time in seconds."""
    words = ended.stderr or ended.stdout
    if ended.in_compiler:
        if ended.ending is Ending.TIMED_OUT:
            words += "\nThe compiler ran longer than its timeout."
        return result(_COMPILE_ERROR, compiler=words or "The compiler failed.")
    if ended.invalid_code and language in _CHECKED:
        return result(_COMPILE_ERROR, compiler=words or "The code is not valid.")
    if ended.ending is Ending.TIMED_OUT or (ended.run.cpu_seconds or 0) > seconds:
        return result(_TIME_LIMIT, stdout=ended.stdout)
    if ended.ending is Ending.OUT_OF_MEMORY:
        return result(_MEMORY_LIMIT, stdout=ended.stdout, stderr=ended.stderr)
    stderr = ended.stderr
    if ended.signal is not None:
        stderr += f"command terminated with signal {ended.signal}{_name(ended.signal)}\n"
    if ended.stdout_truncated:
        stderr += f"output exceeds {limits.STDOUT_BYTES // limits.KIB} KiB\n"
    # An exit code other than 0 is no error, as in Jobe, because many correct programs have one.
    outcome_code = _RUNTIME_ERROR if stderr else _SUCCESS
    return result(outcome_code, stdout=ended.stdout, stderr=stderr)


def _name(number: int) -> str:
    try:
        return f" ({signal.Signals(number).name})"
    except ValueError:
        return ""
