"""A submission as clients read it: the fields of Judge0, from an execution and its facts."""

from __future__ import annotations

import base64
import shlex
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cloche_api.resources.phases import TERMINAL, Phase
from cloche_gateway import results
from cloche_gateway.dialects.judge0 import facts as facts_of
from cloche_gateway.dialects.judge0 import verdict as verdicts
from cloche_gateway.dialects.judge0.refusals import RefusedError
from cloche_gateway.dialects.judge0.values import FLAGS, RANGES
from cloche_gateway.dialects.judge0.verdict import DESCRIPTIONS, Status, Verdict
from cloche_gateway.errors import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cloche_api.resources.typed_dicts import ExecutionStatusDict
    from cloche_gateway.dialects.judge0.facts import Facts

DEFAULT = ("token", "time", "memory", "stdout", "stderr", "compile_output", "message", "status")
"""The fields of an answer to a request that names none."""
_ALL = "*"
_WORDS_CHARACTERS = 1024
"""The longest list of fields: that of all has half of it."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A submission. `spec` and `times` are empty if the execution was not read."""

    token: str
    facts: Facts
    verdict: Verdict
    spec: Mapping[str, Any] = field(default_factory=dict)
    """As `ExecutionSpecDict`. It has no input if that is in a SandboxSource."""
    times: Mapping[str, str | None] = field(default_factory=dict)
    """RFC 3339 times, by the field that has them."""


def of(obj: dict[str, Any]) -> Submission | None:
    """Return the submission of an execution, or None if it was not made through this dialect."""
    meta = obj["metadata"]
    facts = facts_of.of(meta.get("annotations") or {})
    if facts is None:
        return None
    phase = results.phase_of(obj)
    if phase in TERMINAL:
        verdict = verdicts.of_answer(results.answer(obj), facts)
    else:
        verdict = Verdict(Status.IN_QUEUE if phase is Phase.PENDING else Status.PROCESSING)
    status: ExecutionStatusDict = results.status_of(obj)
    created: str = meta["creationTimestamp"]
    started, finished = status.get("startTime"), status.get("completionTime")
    times = {
        "created_at": created,
        "queued_at": status.get("queuedTime") or created,
        "started_at": started,
        "finished_at": finished,
        "updated_at": finished or started or created,
    }
    return Submission(meta["name"], facts, verdict, obj["spec"], times)


def selected(words: str | None) -> tuple[str, ...]:
    """Return the names of the fields in a list that is separated by commas.

    Raises:
        RefusedError: there is no such field.
    """
    words = (words or "").rstrip(",")
    if len(words) > _WORDS_CHARACTERS:
        raise RefusedError(400, f"invalid fields: [{shown(words)}]")
    asked = words.split(",") if words else []
    if unknown := [shown(name) for name in asked if name not in _FIELDS and name != _ALL]:
        raise RefusedError(400, f"invalid fields: [{', '.join(unknown)}]")
    if _ALL in asked:
        return _DOCUMENTED
    return tuple(dict.fromkeys(asked)) or DEFAULT


def needs_execution(names: tuple[str, ...]) -> bool:
    """Return whether one of these fields needs more than the verdict."""
    return not set(names) <= _OF_VERDICT


def rendered(
    one: Submission,
    names: tuple[str, ...],
    language: Callable[[int], str | None],
    *,
    encoded: bool,
) -> dict[str, Any]:
    """Return these fields of a submission.

    `language` returns the name of the language with an id. `encoded`: texts are in base64.
    """
    body = {name: _FIELDS[name](one) for name in names}
    if "language" in body:
        number = one.facts.language_id
        body["language"] = {"id": number, "name": language(number)}
    if encoded:
        for name in _TEXTS & body.keys():
            if body[name] is not None:
                body[name] = base64.b64encode(body[name].encode("utf-8", "replace")).decode()
    return body


def _seconds(value: float | None) -> str | None:
    """Return seconds as Judge0 does, such as `0.012`."""
    return None if value is None else str(round(float(value), 3))


def _moment(name: str) -> Callable[[Submission], str | None]:
    def read(one: Submission) -> str | None:
        """Return a time with three decimals, which clients of Judge0 expect."""
        text = one.times.get(name)
        if not text:
            return None
        moment = datetime.fromisoformat(text).astimezone(UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"

    return read


def _given(name: str) -> Callable[[Submission], float | bool]:
    return lambda one: one.facts.value(name)


def _kept_number(name: str) -> Callable[[Submission], str | float | bool]:
    """Return what reads a number. Judge0 has seconds as strings."""
    if not isinstance(RANGES[name].default, float):
        return _given(name)
    return lambda one: str(float(one.facts.value(name)))


def _nothing(_: Submission) -> None:
    """Return the value of a field that Cloche does not have."""


def _status(one: Submission) -> dict[str, Any]:
    status = one.verdict.status
    return {"id": int(status), "description": DESCRIPTIONS[status]}


def _arguments(one: Submission) -> str | None:
    return shlex.join(one.spec.get("args") or ()) or None


_TEXTS = frozenset(
    ("source_code", "stdin", "expected_output", "stdout", "stderr", "compile_output", "message")
)
"""The fields that are in base64 if the request asks for it."""
_FIELDS: dict[str, Callable[[Submission], Any]] = {
    "source_code": lambda one: one.spec.get("code"),
    "language_id": lambda one: one.facts.language_id,
    "stdin": lambda one: one.spec.get("stdin"),
    "expected_output": lambda one: one.facts.expected,
    "stdout": lambda one: one.verdict.stdout,
    "status_id": lambda one: int(one.verdict.status),
    "created_at": _moment("created_at"),
    "finished_at": _moment("finished_at"),
    "time": lambda one: _seconds(one.verdict.time),
    "memory": lambda one: one.verdict.memory,
    "stderr": lambda one: one.verdict.stderr,
    "token": lambda one: one.token,
    **{name: _kept_number(name) for name in RANGES},
    **{name: _given(name) for name in FLAGS},
    "compile_output": lambda one: one.verdict.compile_output,
    "exit_code": lambda one: one.verdict.exit_code,
    "exit_signal": lambda one: one.verdict.exit_signal,
    "message": lambda one: one.verdict.message,
    "wall_time": lambda one: _seconds(one.verdict.wall_time),
    "compiler_options": _nothing,
    "command_line_arguments": _arguments,
    "callback_url": _nothing,
    "additional_files": _nothing,
    "status": _status,
    "language": _nothing,  # `rendered` knows its name
    "queued_at": _moment("queued_at"),
    "started_at": _moment("started_at"),
    "updated_at": _moment("updated_at"),
    "queue_host": _nothing,
    "execution_host": _nothing,
}
_LATER = {"queued_at", "started_at", "updated_at", "queue_host", "execution_host"}
"""Fields of revisions after 1.13.1. The Python client fails if `*` returns one of them."""
_DOCUMENTED = tuple(name for name in _FIELDS if name not in _LATER)
_OF_VERDICT = frozenset(DEFAULT) | {
    *("exit_code", "exit_signal", "wall_time", "status_id", "language_id", "language"),
    *RANGES,
    *FLAGS,
    "expected_output",
}
