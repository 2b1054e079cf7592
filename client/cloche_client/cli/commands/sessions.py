"""`cloche session …`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_client.cli.commands.run import run
from cloche_client.cli.exits import UsageError
from cloche_client.cli.output import show, show_one
from cloche_client.errors import UnsafePathError
from cloche_client.files import save_file

if TYPE_CHECKING:
    from cloche_client.cli.context import Context

_COLUMNS = {
    "SESSION": "session_id",
    "LANGUAGE": "language",
    "PHASE": "phase",
    "AGE": "age",
    "EXPIRES": "expires_at",
}


def create(context: Context) -> int:
    """Create a session and write its id."""
    options = context.options
    with context.client() as client:
        session = client.session(
            options.language or client.settings.language or "python",
            idle_timeout=options.idle_timeout,
            lifetime=options.lifetime,
            stateful="interpreter" if options.stateful else None,
            cpu=options.cpu,
            memory_mb=options.memory,
            disk_mb=options.disk,
        )
        show_one(context, session.info.raw, session.id)
    return 0


def list_all(context: Context) -> int:
    """List the tenant's sessions."""
    with context.client() as client:
        show(context, [one.raw for one in client.sessions()], _COLUMNS, "sessions")
    return 0


def status(context: Context) -> int:
    """Show one session."""
    with context.client() as client:
        info = client.existing_session(context.options.session).info
        show(context, [info.raw], _COLUMNS, "sessions")
    return 0


def extend(context: Context) -> int:
    """Change the times of a session."""
    options = context.options
    if options.idle_timeout is None and options.lifetime is None:
        raise UsageError("Give --idle-timeout, --lifetime or both.")
    with context.client() as client:
        session = client.existing_session(options.session)
        info = session.extend(idle_timeout=options.idle_timeout, lifetime=options.lifetime)
        show(context, [info.raw], _COLUMNS, "sessions")
    return 0


def run_in(context: Context) -> int:
    """Run a program in a session."""
    return run(context)


def upload(context: Context) -> int:
    """Send files to a session."""
    with context.client() as client:
        client.existing_session(context.options.session).upload(context.options.paths)
    return 0


def download(context: Context) -> int:
    """Fetch files from a session."""
    options = context.options
    with context.client() as client:
        found = client.existing_session(options.session).download(options.patterns)
    if not found:
        raise UnsafePathError("No file of the session matches.")
    for file in found:
        path = save_file(file, options.output_dir, overwrite=options.overwrite)
        context.note(f"wrote {path}")
    return 0


def restart(context: Context) -> int:
    """Start the interpreter of a session anew."""
    with context.client() as client:
        client.existing_session(context.options.session).restart()
    return 0


def end(context: Context) -> int:
    """End sessions."""
    with context.client() as client:
        for session_id in context.options.ids:
            client.end_session(session_id)
            context.show(f"{session_id} ended")
    return 0
