"""Exit codes. The program's own is used if it ended by itself (docs/user/cli.md)."""

from __future__ import annotations

from cloche_client import errors

USAGE = 2
"""A mistake in the command line, or a file that cannot be read."""
BUSY = 122
"""The server has no room, or the key's rate is exceeded. A later attempt may succeed."""
REFUSED = 123
"""A missing key, or one that the server does not accept."""
TIMEOUT = 124
"""The program exceeded its timeout, as with timeout(1)."""
FAILED = 125
"""Cloche could not run the program, as with timeout(1) and `docker run`."""
INTERRUPTED = 130
BROKEN_PIPE = 141


class UsageError(errors.ClocheError):
    """A mistake in the command line."""


_CODES: dict[type[errors.ClocheError], int] = {
    UsageError: USAGE,
    errors.UnsafePathError: USAGE,
    errors.SettingsError: USAGE,
    errors.AuthenticationError: REFUSED,
    errors.BusyError: BUSY,
    errors.RateLimitedError: BUSY,
    errors.DeadlineExceededError: TIMEOUT,
    errors.ClocheError: FAILED,
}


def code_of(error: errors.ClocheError) -> int:
    """Return the exit code for an error."""
    return next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)
