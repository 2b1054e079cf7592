"""The order in which a program wrote to standard output and standard error."""

from __future__ import annotations

from cloche_api import limits


class OutputOrder:
    """Lengths of the pieces of two streams, as far as the bound allows.

    Pieces of one stream that follow each other count as one. What comes after the last piece that
    fits is not recorded.

    Args:
        earlier: characters of standard output that came before.
    """

    def __init__(self, earlier: int = 0) -> None:
        self._lengths = [earlier]  # standard output comes first
        self._is_full = False

    def add(self, *, to_stderr: bool, characters: int) -> None:
        """Record a piece of output."""
        if not characters or self._is_full:
            return
        last_is_stderr = len(self._lengths) % 2 == 0
        if last_is_stderr == to_stderr:
            self._lengths[-1] += characters
        elif len(self._lengths) < limits.OUTPUT_ORDER_ENTRIES:
            self._lengths.append(characters)
        else:
            self._is_full = True

    def recorded(self) -> list[int] | None:
        """Return the lengths in characters, alternately of standard output and standard error.

        Return None if all of standard output came before standard error, or one of them is empty.
        """
        return self._lengths if len(self._lengths) > 2 else None  # noqa: PLR2004  one of each
