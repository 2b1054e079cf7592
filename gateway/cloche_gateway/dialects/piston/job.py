"""A request of Piston, and the request of Cloche that does the same.

Rules, their order and their words are those of Piston (`get_job` in api/src/api/v2.js), which takes
a value for absent where JavaScript takes it for false. The limits are Cloche's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloche_api import limits
from cloche_gateway.dialects.fields import execute_request
from cloche_gateway.dialects.piston import runtimes
from cloche_gateway.dialects.piston.dialect import MistakeError
from cloche_gateway.dialects.piston.files import of_job
from cloche_gateway.errors import shown
from cloche_gateway.models import Resources

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloche_gateway.cluster.languages import Language
    from cloche_gateway.dialects.piston.runtimes import Runtime
    from cloche_gateway.models import ExecuteRequest

_MILLISECONDS = 1000
_TIMEOUT_MAX = limits.TIMEOUT_SECONDS_MAX * _MILLISECONDS
_COMPILE_SECONDS = 60.0
"""The limit of the compiler in a request that has one only for the program. It is that of most
runtimes."""
_NUMBERS: dict[str, int | None] = {
    "compile_memory_limit": None,
    "run_memory_limit": None,
    "compile_timeout": _TIMEOUT_MAX,
    "run_timeout": _TIMEOUT_MAX,
    "compile_cpu_time": None,
    "run_cpu_time": None,
}
"""The numbers of a request in the order in which they are checked, with their largest values. With
None, as in Piston without a limit, the value is not checked."""


@dataclass(frozen=True, slots=True)
class Job:
    """A program to run: its runtime, and Cloche's request."""

    runtime: Runtime
    request: ExecuteRequest


def of_body(body: Any, installed: Sequence[Runtime], *, any_version: bool) -> Job:
    """Return the job of a request's body.

    Raises:
        MistakeError: the body breaks a rule of Piston.
        GatewayError: it breaks a rule of Cloche.
    """
    given: Mapping[str, Any] = body if isinstance(body, dict) else {}
    language = _required_text(given, "language")
    version = _required_text(given, "version")
    files = given.get("files")
    if not isinstance(files, list):
        raise MistakeError("files is required as an array")
    for index, file in enumerate(files):
        if not isinstance(file, dict) or not isinstance(file.get("content"), str):
            raise MistakeError(f"files[{index}].content is required as a string")
    runtime = runtimes.choose(installed, language, version, any_version=any_version)
    if runtime is None:
        raise MistakeError(f"{shown(language)}-{shown(version)} runtime is unknown")
    if not any(file.get("encoding") in (None, "", "utf8") for file in files):
        raise MistakeError("files must include at least one utf8 encoded file")
    _check_numbers(given)
    code, others = of_job(files, runtime.installed)
    request = execute_request(
        code=code,
        language=runtime.installed.name,
        files=others or None,
        stdin=_stdin(given.get("stdin")),
        args=_arguments(given.get("args")),
        environment={"PISTON_LANGUAGE": runtime.language},
        resources=_resources(given, runtime.installed),
        **_timeouts(given, compiled=runtime.installed.compiled),
    )
    return Job(runtime, request)


def _required_text(given: Mapping[str, Any], field: str) -> str:
    value = given.get(field)
    if not isinstance(value, str) or not value:
        raise MistakeError(f"{field} is required as a string")
    return value


def _check_numbers(given: Mapping[str, Any]) -> None:
    for name, most in _NUMBERS.items():
        value = given.get(name)
        if value in (None, False, 0, ""):
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise MistakeError(f"If specified, {name} must be a number")
        if most is None:
            continue
        if value > most:
            raise MistakeError(f"{name} cannot exceed the configured limit of {most}")
        if value < 0:
            raise MistakeError(f"{name} must be non-negative")


def _timeouts(given: Mapping[str, Any], *, compiled: bool) -> dict[str, float]:
    """Return `timeout` and `compile_timeout` as far as they differ from Cloche's defaults.

    Raises:
        MistakeError: the two are longer together than Cloche allows.
    """
    run, compiling = given.get("run_timeout"), given.get("compile_timeout")
    found = {"timeout": _seconds(run)} if run else {}
    left = limits.TIMEOUT_SECONDS_MAX - found.get("timeout", limits.TIMEOUT_SECONDS_DEFAULT)
    if not compiled or (not run and not compiling):
        return found
    wanted = _seconds(compiling) if compiling else min(_COMPILE_SECONDS, left)
    if compiling and wanted > left:
        most = f"{left * _MILLISECONDS:g}"
        raise MistakeError(f"compile_timeout cannot exceed the configured limit of {most}")
    return {**found, "compile_timeout": wanted} if wanted >= limits.TIMEOUT_SECONDS_MIN else found


def _seconds(milliseconds: float) -> float:
    return max(milliseconds / _MILLISECONDS, limits.TIMEOUT_SECONDS_MIN)


def _resources(given: Mapping[str, Any], language: Language) -> Resources | None:
    """Return the memory limit of the program, within the range of the language.

    The limit of the compiler is not used, because both have the same memory.
    """
    value = given.get("run_memory_limit")
    if not value or value < 0:
        return None
    least, most = language.minimum.memory, language.maximum.memory
    return Resources(memory_mb=math.ceil(max(least, min(value, most)) / limits.MIB))


def _stdin(value: Any) -> str | None:
    """Return the standard input. A line that does not end gets its end, as in Piston."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise MistakeError("stdin must be a string")
    return value if value.endswith("\n") else value + "\n"


def _arguments(value: Any) -> list[str] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str | int | float) for one in value):
        raise MistakeError("args must be an array of strings")
    return [one if isinstance(one, str) else str(one) for one in value] or None
