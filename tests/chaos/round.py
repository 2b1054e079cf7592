"""One round: executions run, something fails at a random moment, and what became of them."""

from __future__ import annotations

import random
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chaos.client import Client
from chaos.faults import BY_HAND
from chaos.recovery import left_over, tidied
from chaos.workload import Program, mix, sleeper
from support.deadline import until
from support.site import NOT_THERE, answered
from support.witness import Witness, witness

if TYPE_CHECKING:
    from concurrent.futures import Future

    from chaos.faults import Fault
    from support.site import Site

RECOVERY_SECONDS = 30.0
"""From the component's return and the last end to when nothing is left over."""
TOLERATED = 1 / 200
"""Of a round's executions may end otherwise, each with its cause."""
_LATEST_PART = 0.8  # of the executions have ended at the fault's moment, at the most
_JITTER_SECONDS = 1.0
_QUICK_JITTER_SECONDS = 0.1
_FILLED_SECONDS = 180.0
_MENDED_SECONDS = 180.0
_ENDED_SECONDS = 420.0
_VICTIM_SECONDS = 280.0  # longer than a round has until the fault; it does not end by itself
_VICTIM = 0


@dataclass
class Row:
    """What one round showed."""

    fault: str
    seed: int
    executions: int
    completed: int = 0
    others: dict[str, int] = field(default_factory=dict)
    """Ends other than a program's own, by reason."""
    causes: list[str] = field(default_factory=list)
    """Each of these ends in words."""
    broken_outputs: list[str] = field(default_factory=list)
    """Executions that ended Completed without their whole output."""
    never: int = 0
    """Executions that ended Completed without having been seen to start."""
    twice: list[str] = field(default_factory=list)
    """Executions that were started more than once."""
    struck_after_ends: int = 0
    """How many had ended at the fault's moment."""
    repeated_requests: int = 0
    all_ended_seconds: float = 0.0
    """From the first request to the last end."""
    recovery_seconds: float | None = None
    """From the component's return and the last end to nothing left over; None: not in time."""
    left_over: list[str] = field(default_factory=list)
    """What was left over when the time for it was up."""
    failure: str = ""
    """What kept the round from being judged."""

    def problems(self, *, by_design: int) -> list[str]:
        """Why the round is not what it must be; `by_design` executions end otherwise."""
        tolerated = max(1, int(self.executions * TOLERATED))
        others = sum(self.others.values())
        found = [self.failure] if self.failure else []
        if self.twice:
            found.append(f"started twice: {self.twice}")
        if self.never:
            found.append(f"completed and not seen to start: {self.never}")
        if self.broken_outputs:
            found.append(f"output not whole: {self.broken_outputs}")
        if others > by_design + (0 if by_design else tolerated) or others < by_design:
            found.append(f"other ends: {self.causes}")
        if self.recovery_seconds is None and not self.failure:
            found.append(f"left over after {RECOVERY_SECONDS:g} s: {self.left_over}")
        return found


class Round:
    """The state of one round, for the faults to look at."""

    def __init__(self, site: Site, fault: Fault, language: str, executions: int, seed: int) -> None:
        self.site, self.fault, self.language = site, fault, language
        self.rng = random.Random(seed)  # noqa: S311  a seed that can be said again
        self.session = f"chaos-{seed}-{int(time.time())}"
        self.row = Row(fault.name, seed, executions)
        self.witness: Witness
        self.client: Client
        self._ids: list[Future[str]] = []
        self._ends_before = 0
        self._programs = mix(executions, self.rng)
        if fault is BY_HAND:
            self._programs[_VICTIM] = sleeper(_VICTIM, _VICTIM_SECONDS)

    def run(self) -> Row:
        """Carry it out. The pool is full before; what failed is in the row."""
        where = self.site.installation
        with ExitStack() as stack:
            self.client = Client(where.url, where.key, self.language, self.session)
            stack.callback(self.client.close)
            try:
                self._prepare()
                with witness() as self.witness:
                    recovered = self._carry_out()
                self._judge()
                self.row.recovery_seconds = recovered
            except AssertionError as failure:
                self.row.failure = str(failure)
        self.site.remove_executions(self.session)
        return self.row

    def _prepare(self) -> None:
        """Wait until nothing of what was before is left."""
        tidied(self.site)

        def is_clean() -> bool:
            self.row.left_over = left_over(self.site, self.language)
            return not self.row.left_over

        try:
            until(lambda: answered(is_clean), _FILLED_SECONDS, "a full pool and nothing else")
        except AssertionError as failure:
            raise AssertionError(f"{failure}: {self.row.left_over}") from None

    def victim_name(self) -> str | None:
        """The execution whose Pod may be deleted, once the gateway has taken it."""
        return self._ids[_VICTIM].result() if self._ids[_VICTIM].done() else None

    def _carry_out(self) -> float | None:
        self._ends_before = len(self.witness.ends)
        began = time.monotonic()
        count = len(self._programs)
        self._ids = self.client.hand_in(
            self._programs, int(count * self.fault.synchronous), self._ends
        )
        self._wait_for_the_moment()
        self.row.struck_after_ends = self._ends()
        self.fault.strike(self)
        until(
            lambda: answered(lambda: self.fault.is_mended(self)),
            _MENDED_SECONDS,
            f"what was struck to serve again: {self.fault.name}",
        )
        for id_ in self._ids:
            id_.result()
        until(
            lambda: answered(lambda: self.site.unfinished(self.session) == 0),
            _ENDED_SECONDS,
            "all executions to end",
        )
        ended = time.monotonic()
        self.row.all_ended_seconds = round(ended - began, 1)
        self.row.repeated_requests = self.client.repeated
        return self._recovered(ended)

    def _ends(self) -> int:
        """Programs that have ended since the round began."""
        return len(self.witness.ends) - self._ends_before

    def _wait_for_the_moment(self) -> None:
        """A random part of the executions has ended (or was accepted), and a little more time."""
        part = int(self.rng.uniform(0, _LATEST_PART) * len(self._programs))
        of_requests = self.fault.at_acceptance
        until(
            lambda: (self.client.accepted if of_requests else self._ends()) >= part,
            _ENDED_SECONDS,
            f"{part} executions to have " + ("been accepted" if of_requests else "ended"),
        )
        jitter = self.rng.uniform(0, _QUICK_JITTER_SECONDS if of_requests else _JITTER_SECONDS)
        moment = time.monotonic() + jitter
        until(lambda: time.monotonic() >= moment, 2 * _JITTER_SECONDS, "the moment")

    def _recovered(self, since: float) -> float | None:
        """Seconds until nothing was left over; None when that took too long."""
        while time.monotonic() - since < RECOVERY_SECONDS:
            try:
                self.row.left_over = left_over(self.site, self.language)
            except NOT_THERE as error:
                self.row.left_over = [f"no answer: {error!r}"]
            if not self.row.left_over:
                return round(time.monotonic() - since, 1)
            time.sleep(0.2)
        return None

    def _judge(self) -> None:
        """Compare every execution with what it must have been."""
        row, recorded = self.row, self.site.executions(self.session)
        names = [id_.result() for id_ in self._ids]
        assert len(set(names)) == len(self._programs), "two requests share an execution"
        assert set(names) == set(recorded), "the gateway made executions that nobody asked for"
        uids = {name: recorded[name]["metadata"]["uid"] for name in names}
        starts = self.witness.counts(uids.values())
        row.twice = [name for name, uid in uids.items() if starts[uid] > 1]
        others: Counter[str] = Counter()
        for name, program in zip(names, self._programs, strict=True):
            status = recorded[name]["status"]
            if status["reason"] != "Exited":
                others[status["reason"]] += 1
                ran = f"{starts[uids[name]]} starts seen, "
                ran += f"{int(uids[name] in self.witness.ends)} exits, Pod {status.get('podUID')}"
                said = f"{status['reason']}: {status.get('message', '')}"
                row.causes.append(f"{name}: {said} ({ran})")
                continue
            row.completed += 1
            row.never += starts[uids[name]] == 0
            if not self._is_whole(name, program, status):
                row.broken_outputs.append(name)
        row.others = dict(others)

    def _is_whole(self, name: str, program: Program, status: dict[str, Any]) -> bool:
        """Whether the record and the gateway both have the program's whole output."""
        told = self.client.status(name)["result"]
        return bool(
            status["exitCode"] == 0
            and status["stdout"] == told["stdout"] == program.stdout
            and status["stderr"] == told["stderr"] == ""
        )
