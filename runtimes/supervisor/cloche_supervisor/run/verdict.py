"""Decide why a stage failed: memory, disk, or a compiler that did not decide about the code.

A program can print any of these lines and fail. Then its own result has a wrong reason, and nothing
else depends on it.
"""

from __future__ import annotations

import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cloche_supervisor.protocol.frame import FailureMessages
    from cloche_supervisor.run.program import Ended

OUT_OF_MEMORY, DISK_FULL, COMPILER_FAILED = "out_of_memory", "disk_full", "compiler_failed"

_LINES_MAX = 1000  # to compare with one pattern
_ENOSPC = "*o space left on device*"  # strerror(ENOSPC), which some libraries begin in lower case


def of_program(ended: Ended, output: bytes, messages: FailureMessages) -> str | None:
    """Return why a program failed, if it is one of these reasons.

    `output`: the beginning and the end of its standard error.
    """
    if ended.exit_code == 0 or ended.timed_out:
        return None
    if ended.out_of_memory or _found(output, messages.out_of_memory):
        return OUT_OF_MEMORY
    if ended.signal == signal.SIGXFSZ or _found(output, (*messages.disk_full, _ENOSPC)):
        return DISK_FULL
    return None


def of_compiler(ended: Ended, output: bytes, messages: FailureMessages) -> str | None:
    """Return why a compiler or a syntax check did not decide. None: the code is invalid."""
    if ended.exit_code == 0 or ended.timed_out:
        return None
    if found := of_program(ended, output, messages):
        return found
    if not ended.failed or _found(output, messages.compiler_failed):
        return COMPILER_FAILED
    return None


def _found(output: bytes, patterns: tuple[str, ...]) -> bool:
    return any(has_line(output, pattern.encode()) for pattern in patterns)


def has_line(output: bytes, pattern: bytes) -> bool:
    """Return whether a line matches the pattern, in which `*` matches any text.

    The longest fixed part is searched from the end, so that only lines that contain it are
    compared, and at most _LINES_MAX of them.
    """
    parts = pattern.split(b"*")
    longest = max(parts, key=len)
    if not longest:
        return False
    end = len(output)
    for _ in range(_LINES_MAX):
        if (at := output.rfind(longest, 0, end)) < 0:
            return False
        start = output.rfind(b"\n", 0, at) + 1
        line_end = output.find(b"\n", at, end)
        if _matches(output[start : end if line_end < 0 else line_end].strip(), parts):
            return True
        end = max(start - 1, 0)
    return False


def _matches(line: bytes, parts: list[bytes]) -> bool:
    first, last = parts[0], parts[-1]
    if len(parts) == 1:
        return line == first
    if len(line) < len(first) + len(last) or not (line.startswith(first) and line.endswith(last)):
        return False
    at, end = len(first), len(line) - len(last)
    for part in parts[1:-1]:
        at = line.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True
