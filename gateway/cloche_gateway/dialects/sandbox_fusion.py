"""SandboxFusion: programs that trainers of language models judge, such as verl.

The contract is that of https://github.com/bytedance/SandboxFusion, route `/run_code`. An answer is
a 200, also if the sandbox failed. verl repeats a request after a 504 only, so that is the answer
if the request can be repeated later.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Body, Security
from pydantic import BaseModel, ValidationError
from starlette.responses import Response  # noqa: TC002  FastAPI reads it

from cloche_api import limits
from cloche_gateway import errors
from cloche_gateway.dialects.dialect import Dialect
from cloche_gateway.dialects.fields import base64_file, execute_request
from cloche_gateway.dialects.outcome import Ending, Outcome, Usage, outcome
from cloche_gateway.http.request import Call, JsonResponse
from cloche_gateway.http.route import Later
from cloche_gateway.limits.rates import Kind
from cloche_gateway.models import Resources
from cloche_gateway.requests import mistakes
from cloche_gateway.services import execution
from cloche_gateway.settings import DialectName

if TYPE_CHECKING:
    from cloche_gateway.cluster.languages import Language
    from cloche_gateway.models import ExecuteRequest
    from cloche_gateway.services.submission import Plan

_LANGUAGES: dict[str, tuple[str, str | None]] = {
    "python": ("python", None),
    "pytest": ("python", "pytest"),
    "cpp": ("cpp", None),
    "nodejs": ("javascript", None),
    "go": ("go", None),
    "go_test": ("go", "test"),
    "java": ("java", None),
    "junit": ("java", "junit"),
    "php": ("php", None),
    "csharp": ("csharp", None),
    "bash": ("bash", None),
    "typescript": ("typescript", None),
    "sql": ("sqlite", None),
    "rust": ("rust", None),
    "ruby": ("ruby", None),
}
"""Language and entry here, for each language of the original that exists here."""
_ABSENT = frozenset(
    (
        *("cuda", "lua", "R", "perl", "D_ut", "scala", "julia", "kotlin_script", "jest"),
        *("verilog", "python_gpu", "lean", "swift", "racket"),
    )
)
"""Languages of the original that do not exist here."""
_COMPILED = frozenset({"cpp", "csharp", "go", "java", "rust", "typescript"})
"""Languages whose compiler has its own timeout."""
_KEY_ERRORS = (errors.KeyInvalidError, errors.KeyExpiredError)
_LATER = (
    errors.BusyError,
    errors.DrainingError,
    errors.OverloadedError,
    errors.RateLimitedError,
    errors.TooManyAtOnceError,
)


class _Request(BaseModel):
    """A body. As in the original, a number may be a text, and unknown fields are ignored."""

    code: str
    language: str
    compile_timeout: float = 10
    run_timeout: float = 10
    memory_limit_MB: int = -1  # noqa: N815  the original's name
    stdin: str | None = None
    files: dict[str, str | None] = {}
    fetch_files: list[str] = []


def _refusal(error: errors.GatewayError) -> Response:
    detail: Any = str(error)
    if isinstance(error, errors.KeyRequiredError):
        return JsonResponse({"detail": detail}, 401)
    if isinstance(error, _KEY_ERRORS):
        return JsonResponse({"detail": detail}, 403)
    if isinstance(error, _LATER):
        return JsonResponse({"detail": detail}, 504)
    if isinstance(error, errors.TooLargeError):
        return JsonResponse({"detail": detail}, 413)
    if isinstance(error, errors.InvalidRequestError):
        field, _, rule = detail.partition(": ")
        place = ["body"] if field == "body" else ["body", field]
        return JsonResponse({"detail": [{"type": "value_error", "loc": place, "msg": rule}]}, 422)
    return JsonResponse(_answer("SandboxError", message=detail))


SANDBOX_FUSION = Dialect(DialectName.SANDBOX_FUSION, _refusal)
router = SANDBOX_FUSION.router()
Executing = Annotated[Call, Security(SANDBOX_FUSION.admission(Kind.EXECUTIONS))]
Reading = Annotated[Call, Security(SANDBOX_FUSION.admission(Kind.READS))]


@router.get("/v1/ping")
async def ping(call: Reading) -> Response:  # noqa: ARG001  it admits the request
    """Confirm that the service answers."""
    return JsonResponse("pong")


@router.post("/run_code")
async def run_code(call: Executing, body: Annotated[Any, Body()]) -> Response:
    """Run a program, with its files, and return the files that the request names."""
    asked = _request(call, _validated(body))
    planned = await execution.plan(call.context, call.origin(), asked, call.held)
    return Later(functools.partial(_run, call, planned))


async def _run(call: Call, planned: Plan) -> Response:
    async with call.disconnect() as gone:
        ended = outcome(await execution.execute(call.context, planned, gone))
    return JsonResponse(_result(ended))


def _validated(body: Any) -> _Request:
    try:
        return _Request.model_validate(body)
    except ValidationError as error:
        raise mistakes.of_body(error.errors(include_url=False)) from None


def _request(call: Call, given: _Request) -> ExecuteRequest:
    """Return the request of a body.

    Raises:
        InvalidRequestError: the language is none of the original's.
        UnsupportedLanguageError: it is not installed here.
        GatewayError: as `execute_request`.
    """
    if given.language in _ABSENT:
        raise errors.UnsupportedLanguageError(given.language, list(_LANGUAGES))
    if given.language not in _LANGUAGES:
        names = ", ".join((*_LANGUAGES, *sorted(_ABSENT)))
        raise errors.InvalidRequestError("language", f"must be one of {names}")
    name, entry = _LANGUAGES[given.language]
    run = min(max(given.run_timeout, limits.TIMEOUT_SECONDS_MIN), limits.TIMEOUT_SECONDS_MAX)
    compiler = min(given.compile_timeout, int(limits.TIMEOUT_SECONDS_MAX - run))
    apart = name in _COMPILED and compiler >= limits.TIMEOUT_SECONDS_MIN
    return execute_request(
        code=given.code,
        language=name,
        entry=entry,
        stdin=given.stdin,
        timeout=run,
        compile_timeout=compiler if apart else None,
        files=[
            base64_file(path.removeprefix("./"), content)
            for path, content in given.files.items()
            if content is not None
        ],
        output_files=[path.removeprefix("./") for path in given.fetch_files],
        resources=_resources(given.memory_limit_MB, call.context.languages.find(name)),
    )


def _resources(memory: int, language: Language) -> Resources | None:
    """Return less memory than the language's default, if the request wants less (in MiB).

    It never gets more: the default is within the limit that it names, and a Pod with other
    resources would have to be started for it.
    """
    default = language.defaults.memory // limits.MIB
    if not 0 < memory < default:
        return None
    return Resources(memory_mb=max(memory, -(-language.minimum.memory // limits.MIB)))


def _result(ended: Outcome) -> dict[str, Any]:
    """Return the answer to a program that was run, or that its compiler rejected."""
    own = _command(ended, ended.compile if ended.in_compiler else ended.run)
    if ended.in_compiler:
        return _answer("Failed", compiler=own)
    done = {
        "status": "Finished",
        "execution_time": ended.compile.seconds,
        "return_code": 0,
        "stdout": "",
        "stderr": "",
    }
    return _answer(
        "Success" if ended.succeeded else "Failed",
        compiler=done if ended.compiled else None,
        run=own,
        files={one["path"]: one["content_base64"] for one in ended.files},
    )


def _command(ended: Outcome, usage: Usage) -> dict[str, Any]:
    """Return the result of the compiler or of the program, whichever ended in this way."""
    timed_out = ended.ending is Ending.TIMED_OUT
    code = 1 if ended.exit_code is None else ended.exit_code
    return {
        "status": "TimeLimitExceeded" if timed_out else "Finished",
        "execution_time": usage.seconds,
        "return_code": None if timed_out else code,
        "stdout": ended.stdout,
        "stderr": ended.stderr,
    }


def _answer(
    status: str,
    *,
    message: str = "",
    compiler: dict[str, Any] | None = None,
    run: dict[str, Any] | None = None,
    files: dict[str, str] | None = None,
) -> dict[str, Any]:
    return {
        "status": status,
        "message": message,
        "compile_result": compiler,
        "run_result": run,
        "executor_pod_name": None,
        "files": files or {},
    }
