"""Turn answers into objects and exceptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_client.core.fields import Fields, fields, parsed
from cloche_client.core.retry import retry_after
from cloche_client.errors import (
    AnswerError,
    BusyError,
    ExecutionCancelledError,
    ExecutionFailedError,
    InvalidRequestError,
    ProgramFailedError,
    UnexpectedAnswerError,
    kind_of,
)
from cloche_client.models import (
    CellError,
    ExecutionState,
    ExecutionSummary,
    LanguageInfo,
    OmittedFile,
    OutputFile,
    Result,
    SessionFile,
    SessionInfo,
    Shown,
    Usage,
)

if TYPE_CHECKING:
    from cloche_client.core.wire import Reply

_OK = range(200, 300)
_REDIRECT = range(300, 400)
_BAD_REQUEST, _SERVER_ERROR = 400, 500
_TIMEOUT = "DeadlineExceeded"
_SYNTAX = "InvalidSyntax"


def body_of(reply: Reply) -> Fields:
    """Return the body of a successful answer. Raises ClocheError for another one."""
    return fields(content_of(reply))


def content_of(reply: Reply) -> bytes:
    """Return the bytes of a successful answer. Raises ClocheError for another one."""
    if reply.status not in _OK:
        raise error_of(reply)
    return reply.body


def names_of(reply: Reply) -> list[str]:
    """Return the body of a successful answer that is a list of strings. Raises ClocheError."""
    return list(Fields({"names": parsed(content_of(reply))}).texts("names"))


def error_of(reply: Reply) -> AnswerError | UnexpectedAnswerError:
    """Return the exception for an answer that reports no success."""
    if reply.status in _REDIRECT:
        # The target may be of any host, so the key is not sent to it.
        return UnexpectedAnswerError(
            f"The server redirects to another address (HTTP {reply.status}). Use the URL of the "
            "gateway itself, with https if it has TLS."
        )
    try:
        body = fields(reply.body)
        detail = body.optional_text("detail")
        reason = body.optional_text("reason")
        execution_id = body.optional_text("execution_id")
        result = result_of(body) if reason else None
    except UnexpectedAnswerError:
        detail = None
    if detail is None:
        return UnexpectedAnswerError(
            f"The server answered HTTP {reply.status} without Cloche's JSON. Is the URL that of "
            "the gateway, and is it running?"
        )
    if reply.status == 409 and execution_id and not reason:  # noqa: PLR2004
        reason = "Cancelled"
    kind = kind_of(reply.status, reason)
    if kind is None:
        kind = ExecutionFailedError if reply.status >= _SERVER_ERROR else InvalidRequestError
    return kind(
        detail,
        status=reply.status,
        execution_id=execution_id,
        result=result,
        retry_after=retry_after(reply),
        request_id=reply.headers.get("x-request-id"),
    )


def result_of(body: Fields) -> Result:
    """Return a result from the fields of an answer. Raises UnexpectedAnswerError."""
    return Result(
        execution_id=body.optional_text("execution_id") or "",
        stdout=body.optional_text("stdout") or "",
        stderr=body.optional_text("stderr") or "",
        exit_code=body.whole("exit_code"),
        reason=body.optional_text("reason"),
        language=body.optional_text("language") or "",
        session_id=body.optional_text("session_id"),
        execution_time=body.number("execution_time"),
        queue_time=body.number("queue_time"),
        stdout_truncated=body.flag("stdout_truncated"),
        stderr_truncated=body.flag("stderr_truncated"),
        usage=_usage(body.object("usage")),
        compile_seconds=body.number("compile_seconds"),
        compile_usage=_usage(body.object("compile_usage")),
        files=tuple(
            OutputFile(one.text("path"), one.content("content_base64"))
            for one in body.objects("files")
        ),
        files_truncated=body.flag("files_truncated"),
        files_omitted=tuple(
            OmittedFile(one.text("path"), one.whole("size") or 0, one.text("reason"))
            for one in body.objects("files_omitted")
        ),
        results=tuple(map(shown_of, body.objects("results"))),
        results_truncated=body.flag("results_truncated"),
        error=_error(body),
        state_lost=body.flag("state_lost"),
        warnings=body.texts("warnings"),
        raw=body.values,
    )


def shown_of(body: Fields) -> Shown:
    """Return something that a cell shows. Raises UnexpectedAnswerError."""
    data = body.object("data") or Fields({})
    return Shown(body.text("kind"), {mime: data.text(mime) for mime in data.values})


def _error(body: Fields) -> CellError | None:
    """Return the exception of a cell. In a batch, `error` is a text if there is no result."""
    if isinstance(body.values.get("error"), str) or (error := body.object("error")) is None:
        return None
    return CellError(error.text("name"), error.text("value"), error.text("traceback"))


def state_of(body: Fields) -> ExecutionState:
    """Return an execution's state. Raises UnexpectedAnswerError."""
    result = body.object("result")
    return ExecutionState(
        execution_id=body.text("execution_id"),
        status=body.text("status"),
        created_at=body.optional_text("created_at"),
        started_at=body.optional_text("started_at"),
        completed_at=body.optional_text("completed_at"),
        result=result_of(result) if result else None,
        detail=body.optional_text("detail"),
        raw=body.values,
    )


def outcome(state: ExecutionState) -> Result:
    """Return the result of an execution that has ended, as if its client had waited for it.

    Raises:
        AnswerError: the program could not be run, was cancelled, or exceeded its timeout.
    """
    result, detail = state.result, state.detail or "Execution failed: its result is not known"
    if state.status == "completed" and result is not None and result.reason != _SYNTAX:
        return result
    kind: type[AnswerError]
    if state.status == "cancelled":
        kind = ExecutionCancelledError
    elif detail.startswith("Service busy"):  # it never started
        kind = BusyError
    elif result is not None and result.reason == _SYNTAX:
        kind = kind_of(_BAD_REQUEST, _SYNTAX) or AnswerError
    elif result is not None:
        kind = kind_of(_SERVER_ERROR, result.reason) or AnswerError
    else:
        kind = ExecutionFailedError
    raise kind(detail, execution_id=state.execution_id, result=result)


def did_not_run(state: ExecutionState) -> bool:
    """Return whether an ended execution has not run its program, so that another may be sent."""
    return state.status == "failed" and state.result is None and state.started_at is None


def item_of(body: Fields) -> Result | AnswerError:
    """Return an item of a batch: its result, or the exception that `run` raises for it."""
    error = body.values.get("error")
    detail = error if isinstance(error, str) else None
    result = result_of(body)
    if detail is None:
        return result
    kind: type[AnswerError]
    if result.reason == _SYNTAX:
        kind = kind_of(_BAD_REQUEST, _SYNTAX) or AnswerError
    elif result.reason == _TIMEOUT or detail.startswith("Execution failed"):
        kind = kind_of(_SERVER_ERROR, result.reason) or AnswerError
    elif result.execution_id:
        kind = BusyError if detail.startswith("Service busy") else ExecutionCancelledError
    else:
        kind = BusyError if detail.startswith("Service busy") else InvalidRequestError
    return kind(detail, execution_id=result.execution_id or None, result=result)


def checked(result: Result) -> Result:
    """Return a result whose program ended with exit code 0. Raises ProgramFailedError."""
    if result.ok:
        return result
    last = result.stderr.strip().splitlines()[-1:]
    if result.error is not None:
        last = [f"{result.error.name}: {result.error.value}"]
    why = f"exit code {result.exit_code}, {result.reason}" + (f": {last[0][:200]}" if last else "")
    raise ProgramFailedError(
        f"The program failed ({why})", execution_id=result.execution_id, result=result
    )


def summary_of(body: Fields) -> ExecutionSummary:
    """Return an execution of a list. Raises UnexpectedAnswerError."""
    return ExecutionSummary(
        execution_id=body.text("execution_id"),
        status=body.text("status"),
        language=body.optional_text("language") or "",
        session_id=body.optional_text("session_id"),
        created_at=body.optional_text("created_at"),
        reason=body.optional_text("reason"),
        exit_code=body.whole("exit_code"),
        execution_time=body.number("execution_time"),
        raw=body.values,
    )


def session_of(body: Fields) -> SessionInfo:
    """Return a session. Raises UnexpectedAnswerError."""
    return SessionInfo(
        session_id=body.text("session_id"),
        language=body.text("language"),
        expires_at=body.optional_text("expires_at"),
        phase=body.optional_text("phase"),
        created_at=body.optional_text("created_at"),
        last_used_at=body.optional_text("last_used_at"),
        stateful=body.optional_text("stateful"),
        raw=body.values,
    )


def session_file_of(body: Fields) -> SessionFile:
    """Return a file of a session. Raises UnexpectedAnswerError."""
    return SessionFile(
        path=body.text("path"),
        size=body.whole("size") or 0,
        modified_at=body.optional_text("modified_at") or "",
    )


def language_of(body: Fields) -> LanguageInfo:
    """Return an installed language. Raises UnexpectedAnswerError."""
    return LanguageInfo(
        language=body.text("language"),
        version=body.optional_text("version"),
        aliases=body.texts("aliases"),
        entries=body.texts("entries"),
        file_extension=body.optional_text("file_extension") or "",
        raw=body.values,
    )


def _usage(body: Fields | None) -> Usage | None:
    if body is None:
        return None
    return Usage(body.number("cpu_seconds"), body.whole("max_memory_bytes"))
