"""`cloche languages`, `cloche open` and `cloche version`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cloche_client.cli.output import show, show_one
from cloche_client.errors import ClocheError
from cloche_client.version import __version__

if TYPE_CHECKING:
    from cloche_client.cli.context import Context

_COLUMNS = {"LANGUAGE": "language", "VERSION": "version", "ALIASES": "aliases"}


def languages(context: Context) -> int:
    """List the installed languages."""
    with context.client() as client:
        found = [client.language(name).raw for name in client.languages()]
        show(context, found, _COLUMNS, "languages")
    return 0


def open_page(context: Context) -> int:
    """Print the URL of the playground, and open it in a browser if there is one."""
    url = f"{context.settings().url}/play"
    context.show(url)
    has_display = os.name == "nt" or any(
        context.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
    if has_display and not context.options.print:
        import webbrowser  # noqa: PLC0415  only here

        webbrowser.open(url)
    return 0


def version(context: Context) -> int:
    """Print the versions of the client, and of the gateway if it is reached."""
    found: dict[str, str | None] = {"client": __version__, "gateway": None}
    try:
        with context.client() as client:
            found["gateway"] = str(client.health().get("version"))
    except ClocheError as error:
        context.note(str(error))
    lines = [f"{name} {value or 'unknown'}" for name, value in found.items()]
    show_one(context, found, "\n".join(lines))
    return 0
