"""An empty policy: no system call is refused."""

from __future__ import annotations


def rules(*, inotify: bool, localhost: bool) -> tuple[()]:
    """Return no rules."""
    del inotify, localhost
    return ()
