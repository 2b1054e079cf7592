"""Events of a running program, in the order in which they happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloche_client.models import ExecutionState, Shown


@dataclass(frozen=True, slots=True)
class Started:
    """The program, or its compiler, has started. `time` is RFC 3339, None if it is not known."""

    time: str | None


@dataclass(frozen=True, slots=True)
class Stdout:
    """The program wrote to its standard output."""

    text: str
    replayed: bool = False
    """Whether the text comes from the record, because the execution had ended."""


@dataclass(frozen=True, slots=True)
class Stderr:
    """The program wrote to its standard error."""

    text: str
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class ResultShown:
    """A cell of a session that keeps its interpreter shows something."""

    shown: Shown
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Exit:
    """The execution has ended. What other events had is empty in `state.result`."""

    state: ExecutionState

    @property
    def exit_code(self) -> int | None:
        """Return the program's exit code, None if it is not known."""
        return self.state.result.exit_code if self.state.result else None

    @property
    def reason(self) -> str | None:
        """Return the reason of the end, None if the program never started."""
        return self.state.result.reason if self.state.result else None


Event = Started | Stdout | Stderr | ResultShown | Exit
