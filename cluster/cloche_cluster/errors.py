"""Errors, with messages for the user at the terminal."""

from __future__ import annotations


class ClusterError(Exception):
    """A sentence that states what failed and what to do; printed without a traceback."""


class CommandError(ClusterError):
    """A program failed. The message contains its name and its last lines."""


class LateError(CommandError):
    """A program exceeded its timeout and was killed."""
