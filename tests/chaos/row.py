"""The result of one round, and its problems."""

from __future__ import annotations

from dataclasses import dataclass, field

from chaos.faults import DELETE_POD

RECOVERY_SECONDS = 30.0
"""Limit from the component's recovery and the last end until nothing is left over."""
TOLERATED = 1 / 200
"""The share of a round's executions that may end otherwise, each with its cause."""


@dataclass
class Strike:
    """An injected fault."""

    fault: str
    ended_before: int
    """Executions that had ended when it was injected."""
    handed_in: int
    """Executions of the round that had been submitted by then, or were being submitted."""
    mended: bool = False
    """Whether the component worked again."""


@dataclass
class Row:
    """The result of one round."""

    fault: str
    """The names of its faults."""
    seed: int
    executions: int
    strikes: list[Strike] = field(default_factory=list)
    """In the order of injection."""
    completed: int = 0
    others: dict[str, int] = field(default_factory=dict)
    """Number of ends other than a program's own, by reason."""
    causes: list[str] = field(default_factory=list)
    """A description of each of these ends."""
    broken_outputs: list[str] = field(default_factory=list)
    """Executions that ended Completed without their complete output."""
    never: int = 0
    """Executions that ended Completed although no start was observed."""
    twice: list[str] = field(default_factory=list)
    """Executions that were started more than once."""
    repeated_requests: int = 0
    all_ended_seconds: float = 0.0
    """From the first request to the last end."""
    recovery_seconds: float | None = None
    """From the component's recovery and the last end until nothing was left over; None: not in
    time."""
    left_over: list[str] = field(default_factory=list)
    """What was left over at the time limit."""
    failure: str = ""
    """What prevented the round from being judged."""

    def problems(self) -> list[str]:
        """Return the violated expectations."""
        by_design = sum(strike.fault == DELETE_POD.name for strike in self.strikes)
        others_tolerated = len(self.strikes) > by_design
        tolerated = by_design + others_tolerated * max(1, int(self.executions * TOLERATED))
        others = sum(self.others.values())
        found = [self.failure] if self.failure else []
        if self.twice:
            found.append(f"started twice: {self.twice}")
        if self.never:
            found.append(f"completed and not seen to start: {self.never}")
        if self.broken_outputs:
            found.append(f"output not whole: {self.broken_outputs}")
        if not by_design <= others <= tolerated:
            found.append(f"other ends: {self.causes}")
        if self.recovery_seconds is None and not self.failure:
            found.append(f"left over after {RECOVERY_SECONDS:g} s: {self.left_over}")
        return found
