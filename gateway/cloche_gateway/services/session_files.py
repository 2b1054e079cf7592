"""Do something in a session without a program: to its files, or to its interpreter.

Each is an execution with an action in the place of a program. It waits for its turn like the other
executions of the session, so no program runs meanwhile that could change the files or put a link in
their place. Its record is removed once it is answered.

An action goes on if the client disconnects, because the session would end with it.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloche_api import limits
from cloche_api.resources.execution import Action
from cloche_api.resources.input import PATTERN_RULE, in_working_directory
from cloche_api.resources.phases import Phase, Reason
from cloche_gateway import results
from cloche_gateway.errors import (
    BusyError,
    FailedError,
    InvalidRequestError,
    RateLimitedError,
    RejectedError,
    SessionFileNotFoundError,
    SessionFilesError,
    SessionNotFoundError,
    TooLargeError,
)
from cloche_gateway.requests import manifest, session_manifest, validation
from cloche_gateway.services import execution, sessions
from cloche_gateway.services.submission import Plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloche_api.accounting.budget import Charge
    from cloche_api.resources.typed_dicts import ExecutionStatusDict, ListedFileDict
    from cloche_gateway.cluster.sessions import Session
    from cloche_gateway.context import Context
    from cloche_gateway.models import InputFile
    from cloche_gateway.services.execution import Origin
    from cloche_gateway.session_models import SessionFiles

_REFUSED = {400, 410}
_BUSY, _TOO_MANY = 503, 429


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An action, with the files to write or the patterns of the files that it is about."""

    action: Action
    files: Sequence[InputFile] = ()
    patterns: Sequence[str] = ()


async def plan_write(
    context: Context, origin: Origin, session_id: str, asked: SessionFiles, charge: Charge
) -> Plan:
    """Validate the files and build the execution that writes them.

    Raises:
        SessionNotFoundError, BusyError: as `sessions.live`.
        GatewayError: a file breaks a rule, as `validation.check_files`.
    """
    charge.resize(2 * execution.memory_of(asked))  # as `execution.plan`
    session = await sessions.live(context, origin.caller, session_id)
    validation.check_files(asked.files, context.languages.find(session.language))
    return _plan(context, origin, session, _Wanted(Action.WRITE_FILES, files=asked.files), charge)


async def write(context: Context, planned: Plan, session_id: str) -> dict[str, Any]:
    """Write the files and return them, as `session_models.SessionFileList`.

    Raises:
        SessionFilesError: a file cannot be written. Those before it have been written.
        GatewayError: as `_run`.
    """
    return _listed(await _run(context, planned, session_id))


async def listed(context: Context, origin: Origin, session_id: str, pattern: str) -> dict[str, Any]:
    """Return the files that match a pattern, as `session_models.SessionFileList`.

    Raises:
        InvalidRequestError, TooLargeError: the pattern breaks a rule.
        GatewayError: as `_run`.
    """
    validation.check_path("pattern", in_working_directory(pattern), PATTERN_RULE)
    return _listed(await _with(context, origin, Action.LIST_FILES, session_id, pattern))


async def read(context: Context, origin: Origin, session_id: str, path: str) -> bytes:
    """Return the content of a file.

    Raises:
        SessionFileNotFoundError: there is no regular file with this path.
        TooLargeError: it is larger than an execution can return.
        GatewayError: the path breaks a rule, or as `_run`.
    """
    status = await _with(context, origin, Action.READ_FILES, session_id, _literal(path))
    for found in status.get("files") or []:
        try:
            return base64.b64decode(found["contentBase64"])
        except binascii.Error as error:  # an image may return anything
            raise FailedError("its Pod returned an invalid response") from error
    for omitted in status.get("filesOmitted") or []:
        most = limits.OUTPUT_FILES_BYTES // limits.KIB
        raise TooLargeError(
            f"path: the file must be at most {most} KiB with its path, but has "
            f"{omitted['size']} bytes"
        )
    raise SessionFileNotFoundError(path)


async def remove(context: Context, origin: Origin, session_id: str, path: str) -> None:
    """Remove a file.

    Raises:
        SessionFileNotFoundError: there is no regular file with this path.
        GatewayError: the path breaks a rule, or as `_run`.
    """
    status = await _with(context, origin, Action.REMOVE_FILES, session_id, _literal(path))
    if not status.get("listedFiles"):
        raise SessionFileNotFoundError(path)


async def restart(context: Context, origin: Origin, session_id: str) -> None:
    """Start the interpreter of a session anew. Its files stay.

    Raises:
        InvalidRequestError: the session does not keep its interpreter.
        GatewayError: as `sessions.live` and `_run`.
    """
    session = await sessions.live(context, origin.caller, session_id)
    if not session.keeps_interpreter:
        raise InvalidRequestError("session_id", "must be a session that keeps its interpreter")
    with context.budget.charged(origin.caller.tenant) as charge:
        planned = _plan(context, origin, session, _Wanted(Action.RESTART), charge)
        await _run(context, planned, session_id)


def _literal(path: str) -> str:
    """Return the pattern of one path.

    Raises:
        InvalidRequestError, TooLargeError: the path or its pattern breaks a rule.
    """
    validation.check_path("path", path)
    pattern = session_manifest.literal(path)
    if len(pattern) > limits.FILE_PATH_CHARACTERS:
        most = limits.FILE_PATH_CHARACTERS
        raise TooLargeError(f"path: must be at most {most} characters; *, ? and [ count as three")
    return pattern


async def _with(
    context: Context, origin: Origin, action: Action, session_id: str, pattern: str
) -> ExecutionStatusDict:
    """Do an action with the files that match the pattern, and return the status of its execution.

    Raises:
        GatewayError: as `sessions.live` and `_run`.
    """
    session = await sessions.live(context, origin.caller, session_id)
    with context.budget.charged(origin.caller.tenant) as charge:
        wanted = _Wanted(action, patterns=[pattern])
        planned = _plan(context, origin, session, wanted, charge)
        return await _run(context, planned, session_id)


def _plan(
    context: Context, origin: Origin, session: Session, wanted: _Wanted, charge: Charge
) -> Plan:
    name = str(uuid.uuid4())
    known = context.languages.find(session.language)
    obj = session_manifest.file_action(
        name,
        wanted.action,
        session=session.name,
        language=known.name,
        caller=origin.caller,
        request_id=origin.request_id,
        files=wanted.files,
        patterns=wanted.patterns,
    )
    return Plan(
        name=name,
        keyed=False,
        storage_full=known.name in context.languages.storage_full,
        timeout_seconds=session_manifest.ACTION_SECONDS,
        removed_once_answered=True,
        obj=obj,
        source=manifest.separated(obj),
        charge=charge,
    )


async def _run(context: Context, planned: Plan, session_id: str) -> ExecutionStatusDict:
    """Run an action and return the status of its execution.

    Raises:
        SessionNotFoundError: the session has ended.
        SessionFilesError: the files cannot be written, or the session's image is too old.
        RejectedError: the execution was deleted or cancelled.
        RateLimitedError: the tenant has written too many bytes.
        BusyError: the turn did not come in time, or the queue is full.
        FailedError: the system failed.
    """
    connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()  # never done
    ended = await execution.run(context, planned, connected)
    if ended is None:
        raise RejectedError("Execution cancelled")
    status = results.status_of(ended)
    reason = status.get("reason")
    if reason == Reason.ACTION_COMPLETED:
        return status
    if reason == Reason.SESSION_ENDED:
        raise SessionNotFoundError(session_id)
    rule, detail = results.rule_of(ended), results.detail_of(ended) or ""
    if rule.status in _REFUSED:
        raise SessionFilesError(detail)
    if rule.status == _BUSY:
        raise BusyError
    if rule.status == _TOO_MANY:
        limited = RateLimitedError(rule.retry_after or 1)
        limited.args = (detail,)
        raise limited
    if results.phase_of(ended) is Phase.CANCELLED:
        raise RejectedError(detail)
    if results.phase_of(ended) is Phase.COMPLETED:
        raise FailedError("the operator is of an earlier version")
    raise FailedError(detail.removeprefix(results.FAILED))


def _listed(status: ExecutionStatusDict) -> dict[str, Any]:
    files: list[ListedFileDict] = status.get("listedFiles") or []
    return {
        "files": [
            {"path": file["path"], "size": file["size"], "modified_at": file["modifiedTime"]}
            for file in files
        ],
        "truncated": status.get("filesTruncated") or False,
    }
