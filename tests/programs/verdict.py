"""What is wrong with the answer to a program of the corpus."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from programs.corpus_files import Expected, Program

_SHOWN = 400
"""Characters of a text in a message."""


def faults(program: Program, status: int, body: dict[str, Any]) -> list[str]:
    """Return how the answer differs from the closest of those expected; nothing if it is right."""
    found = [list(_differences(expected, status, body)) for expected in program.expect]
    return min(found, key=len)


def _differences(expected: Expected, status: int, body: dict[str, Any]) -> Iterator[str]:
    if status != expected.status:
        yield f"status {status} instead of {expected.status}: {_short(body.get('detail', ''))}"
    detail = str(body.get("detail", ""))
    yield from (
        f"detail {_short(detail)} lacks {_short(part)}"
        for part in expected.detail
        if part not in detail
    )
    if status >= HTTPStatus.BAD_REQUEST and "exit_code" not in body:
        return
    if expected.exit_code not in (None, body["exit_code"]):
        yield f"exit code {body['exit_code']} instead of {expected.exit_code}"
    if expected.status == HTTPStatus.OK and body["reason"] not in expected.reason:
        yield f"reason {body['reason']} instead of {' or '.join(expected.reason)}"
    yield from _of_output(expected, body["stdout"], body["stderr"])
    yield from _of_files(expected, body)
    yield from _of_numbers(expected, body)


def _of_output(expected: Expected, stdout: str, stderr: str) -> Iterator[str]:
    if expected.stdout not in (None, stdout):
        yield f"stdout {_short(stdout)} instead of {_short(expected.stdout or '')}"
    matches = expected.stdout_matches
    if matches is not None and not re.fullmatch(matches, stdout, re.DOTALL):
        yield f"stdout {_short(stdout)} does not match {_short(matches)}"
    if any(part not in stdout for part in expected.stdout_contains):
        yield f"stdout {_short(stdout)} lacks one of {expected.stdout_contains}"
    if expected.stderr not in (None, stderr) and not expected.stderr_contains:
        yield f"stderr {_short(stderr)} instead of {_short(expected.stderr or '')}"
    if any(part not in stderr for part in expected.stderr_contains):
        yield f"stderr {_short(stderr)} lacks one of {expected.stderr_contains}"
    if any(part in stderr for part in expected.stderr_lacks):
        yield f"stderr {_short(stderr)} contains one of {expected.stderr_lacks}"


def _of_files(expected: Expected, body: dict[str, Any]) -> Iterator[str]:
    if expected.files is not None:
        returned = {
            file["path"]: base64.b64decode(file["content_base64"])
            for file in body.get("files") or []
        }
        if returned.keys() != expected.files.keys():
            yield f"files {sorted(returned)} instead of {sorted(expected.files)}"
        for path, text in expected.files.items():
            content = returned.get(path, b"missing")
            if not content or text not in (None, content.decode(errors="replace")):
                yield f"file {path} {_short(repr(content))} instead of {_short(repr(text))}"
    if expected.files_omitted is not None:
        omitted = {file["path"]: file["size"] for file in body.get("files_omitted") or []}
        if omitted != expected.files_omitted:
            yield f"files_omitted {omitted} instead of {expected.files_omitted}"


def _of_numbers(expected: Expected, body: dict[str, Any]) -> Iterator[str]:
    for name, least in expected.at_least.items():
        value = _number(body, name)
        if value is None or value < least:
            yield f"{name} is {value}, but must be at least {least:g}"
    for name, most in expected.at_most.items():
        value = _number(body, name)
        if value is None or value > most:
            yield f"{name} is {value}, but must be at most {most:g}"


def _number(body: dict[str, Any], name: str) -> float | None:
    value: Any = body
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, int | float) else None


def _short(text: str) -> str:
    return repr(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!r}…"
