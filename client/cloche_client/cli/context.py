"""What every command gets: its options, the standard streams, the settings, the client."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from cloche_client.cli.exits import UsageError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

    from cloche_client.blocking.client import Client
    from cloche_client.settings import Settings

_MOST_KEY_BYTES = 4096


@dataclass(slots=True)
class Context:
    """One call of the command line."""

    options: Namespace
    arguments: list[str]
    """What follows `--`: the program's arguments."""
    program: str = "cloche"
    """How the user calls it: `cloche` or `kubectl cloche`."""
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    forwarded: str | None = None
    """The URL of a port-forward, if the user configured none."""
    _key: str | None = field(default=None, repr=False)

    def option(self, name: str) -> Any:
        """Return an option, None if the command does not have it."""
        return getattr(self.options, name, None)

    def settings(self) -> Settings:
        """Return the settings. Raises SettingsError."""
        from cloche_client.settings import load  # noqa: PLC0415  not every command needs them

        return load(
            url=self.option("url") or self.forwarded,
            api_key=self._api_key(),
            ca_file=self.option("ca_file"),
            profile=self.option("profile"),
            environ=self.environ,
        )

    def client(self) -> Client:
        """Return a client. Raises SettingsError."""
        from cloche_client.blocking.client import Client  # noqa: PLC0415  its import takes long

        return Client(settings=self.settings())

    def note(self, text: str) -> None:
        """Write a line about the command itself to standard error."""
        sys.stderr.write(f"{self.program}: {text}\n")
        sys.stderr.flush()

    def show(self, text: str) -> None:
        """Write a line to standard output."""
        self.write(f"{text}\n")

    def write(self, text: str, *, error: bool = False) -> None:
        """Write a program's output as it is, and at once."""
        stream = sys.stderr if error else sys.stdout
        stream.flush()
        stream.buffer.write(text.encode("utf-8", "replace"))
        stream.buffer.flush()

    def _api_key(self) -> str | None:
        """Return the key of --api-key-file. A command line would show it to other users."""
        path = self.option("api_key_file")
        if path is None or self._key is not None:
            return self._key
        try:
            if path == "-":
                self._key = _text(sys.stdin.buffer)
            else:
                with Path(path).open("rb") as file:
                    self._key = _text(file)
        except OSError as error:
            raise UsageError(f"The key file {path} cannot be read: {error.strerror}.") from None
        return self._key


def _text(file: BinaryIO) -> str:
    return file.read(_MOST_KEY_BYTES).decode("ascii", "replace")
