"""Decide whether a waiting process may become a program of a frame.

docs/design/prestart.md has the reason of each condition.
"""

from __future__ import annotations

from cloche_supervisor.run.verdict import has_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloche_supervisor.protocol.frame import File, Frame
    from cloche_supervisor.protocol.prestart_frame import PrestartedProcess, SourceLines

_DENIED = (
    *("LD_*", "GLIBC_TUNABLES", "MALLOC_*", "PATH", "HOME", "TMPDIR", "LANG", "LANGUAGE", "LC_*"),
    *("LOCPATH", "NLSPATH", "TZDIR", "CLOCHE_*"),
)
"""What the C library and each interpreter read at the start."""
_SEARCHED_BYTES = 256 * 1024


def arguments(process: PrestartedProcess, frame: Frame) -> tuple[str, ...] | None:
    """Return the arguments after the process's command, or None if it is for another command."""
    length = len(process.command)
    if process.stage == "run":
        command = frame.run
    elif frame.compile is not None:
        command = frame.compile.command
    else:
        return None
    return command[length:] if command[:length] == process.command else None


def variables(
    process: PrestartedProcess, has: dict[str, str], wanted: dict[str, str]
) -> dict[str, str] | None:
    """Return the variables to add to the process, or None if that cannot be done any more.

    `has`: those of every program at the start of the process. `wanted`: those of the program.
    """
    if not has.items() <= wanted.items():
        return None
    added = {name: value for name, value in wanted.items() if has.get(name) != value}
    patterns = (*_DENIED, *process.denied_environment, *process.environment)
    if any(_matches(name, patterns) for name in added):
        return None
    return added


def fits_files(process: PrestartedProcess, files: tuple[File, ...]) -> bool:
    """Return whether the files do not change what the process has loaded, and are those it is for.

    `*` at the end of a path matches any text.
    """
    for file in files:
        if file.path.partition("/")[0].partition(".")[0] in process.modules:
            return False
        if any(_is_below(file.path, denied) for denied in process.denied_paths):
            return False
    if process.when is not None and not _has_line(files, process.when):
        return False
    return process.unless is None or not _has_line(files, process.unless)


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in patterns)


def _is_below(path: str, denied: str) -> bool:
    if denied.endswith("*"):
        return path.startswith(denied[:-1])
    return path == denied or path.startswith(f"{denied}/")


def _has_line(files: tuple[File, ...], source: SourceLines) -> bool:
    patterns = [line.encode() for line in source.lines]
    return any(
        has_line(file.content[:_SEARCHED_BYTES], pattern)
        for file in files
        if file.path.endswith(source.suffixes)
        for pattern in patterns
    )
