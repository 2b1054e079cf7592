"""Files of a session, sent and fetched with a program that does nothing.

The limits are those of a program's files: 512 KiB to send, 256 KiB to fetch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_client.core import answers, flows, wire
from cloche_client.errors import UnsafePathError
from cloche_client.files import read_files
from cloche_client.models import Program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloche_client.core.retry import Retry
    from cloche_client.core.wire import Flow
    from cloche_client.files import Files
    from cloche_client.models import OutputFile, SessionInfo

_MAIN = "int main(void) { return 0; }"
_NOTHING = {
    "bash": ":",
    "c": _MAIN,
    "cpp": "int main() {}",
    "csharp": "class Nothing { static void Main() {} }",
    "go": "package main\nfunc main() {}",
    "java": "class Nothing { public static void main(String[] a) {} }",
    "javascript": ";",
    "php": "<?php",
    "python": "",
    "ruby": "",
    "rust": "fn main() {}",
    "sql": "",
    "sqlite": "",
    "typescript": "export {};",
}
"""A program for each language that does nothing."""


def upload(session: SessionInfo, files: Files, retry: Retry) -> Flow[None]:
    """Write files to the session's working directory. Raises ClocheError."""
    contents = read_files(files)
    program = Program(
        code=_nothing(session),
        language=session.language,
        session_id=session.session_id,
        files=contents,
        ttl_seconds=60,
    )
    answers.checked((yield from flows.run(program, retry, key=wire.new_key())))


def download(
    session: SessionInfo, patterns: Sequence[str], retry: Retry
) -> Flow[tuple[OutputFile, ...]]:
    """Return the files that match glob patterns. Raises ClocheError, also if one is too large."""
    program = Program(
        code=_nothing(session),
        language=session.language,
        session_id=session.session_id,
        output_files=patterns,
        ttl_seconds=60,
    )
    result = answers.checked((yield from flows.run(program, retry, key=wire.new_key())))
    if result.files_truncated:
        left = ", ".join(f"{one.path} ({one.size} bytes)" for one in result.files_omitted[:3])
        raise UnsafePathError(
            f"The files are too large for one answer, which may have 256 KiB. Left out: {left}."
        )
    return result.files


def _nothing(session: SessionInfo) -> str:
    return _NOTHING.get(session.language, "")
