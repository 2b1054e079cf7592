"""The program of a command line: its code, its language, its input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cloche_client.cli import language
from cloche_client.cli.exits import UsageError
from cloche_client.files import read_files
from cloche_client.models import Program

if TYPE_CHECKING:
    from cloche_client.cli.context import Context

_MOST_BYTES = 256 * 1024
"""Bytes of code, and of standard input (docs/user/api.md)."""


def program(context: Context, usual: str | None) -> Program:
    """Return the program that the options describe.

    Args:
        context: the call.
        usual: the language if nothing else decides it.

    Raises:
        UsageError: there is no code or no language, or an input is too long or cannot be read.
        UnsafePathError: a file cannot be read.
    """
    options = context.options
    code, found = _code(context)
    name = options.language or found or language.by_first_line(code) or usual
    if name is None and options.code is not None:
        name = "python"
    if name is None:
        raise UsageError(
            "The language is not known: the file has neither a known suffix nor a `#!` line. "
            "Add --language NAME; `cloche languages` lists the names."
        )
    return Program(
        code=code,
        language=name,
        entry=options.entry,
        stdin=_stdin(context),
        args=context.arguments,
        environment=_environment(context),
        files=_files(options.file),
        output_files=options.output_file,
        timeout=options.timeout,
        compile_timeout=options.compile_timeout,
        cpu=options.cpu,
        memory_mb=options.memory,
        disk_mb=options.disk,
        session_id=options.session,
        ttl_seconds=options.ttl,
    )


def _code(context: Context) -> tuple[str, str | None]:
    """Return the code, and its language by the file's suffix."""
    path, code = context.options.path, context.options.code
    if (path is None) == (code is None):
        raise UsageError("Give either a file, `-` for standard input, or -c CODE.")
    if code is not None:
        return code, None
    if path == "-":
        if sys.stdin.isatty():
            context.note("reading the program from the terminal; end it with Ctrl-D")
        return _text(sys.stdin.buffer.read(_MOST_BYTES + 1), "the program"), None
    try:
        with Path(path).open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise UsageError(f"{path!r} is not a path.") from None
    return _text(content, path), language.by_suffix(path)


def _text(content: bytes, what: str) -> str:
    if len(content) > _MOST_BYTES:
        raise UsageError(f"{what} has more than 256 KiB, the most that a program may have.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{what} is not text in UTF-8.") from None


def _stdin(context: Context) -> str | None:
    """Return the standard input, unless it is a terminal or was the program."""
    options = context.options
    unused = options.no_stdin or options.path == "-" or options.api_key_file == "-"
    if unused or sys.stdin is None or sys.stdin.isatty():
        return None
    content = sys.stdin.buffer.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise UsageError(
            "The standard input has more than 256 KiB, the most that a request may have. Send it "
            "as files of at most 512 KiB with --file, or in parts to a session."
        )
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise UsageError(
            "The standard input is not text in UTF-8. Send it as a file with --file."
        ) from None


def _environment(context: Context) -> dict[str, str]:
    found = {}
    for one in context.options.env:
        name, equals, value = one.partition("=")
        if not equals:
            if name not in context.environ:
                raise UsageError(f"--env {name}: the variable is not set. Use --env {name}=VALUE.")
            value = context.environ[name]
        found[name] = value
    return found


def _files(words: list[str]) -> dict[str, bytes]:
    """Return the input files: each word is a path, or `NAME=PATH` to send it under a name."""
    found: dict[str, bytes] = {}
    for word in words:
        if not word:
            raise UsageError("--file needs the path of a file or directory.")
        name, equals, path = word.partition("=")
        if equals and not Path(word).exists():
            found |= read_files({name: Path(path)})
        else:
            found |= read_files([word])
    return read_files(found)
