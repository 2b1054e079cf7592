"""What may go wrong, in the words that the person at the terminal reads."""

from __future__ import annotations


class ClusterError(Exception):
    """A sentence that says what failed and what to do about it; printed without a traceback."""


class CommandError(ClusterError):
    """A program that was run failed; the message has its name and its last lines."""


class LateError(CommandError):
    """A program that was run took too long and was ended."""
