"""One round: executions run, faults are injected one after the other, and results are judged."""

from __future__ import annotations

import random
import time
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from chaos.client import Client
from chaos.faults import DELETE_POD
from chaos.recovery import left_over, tidied
from chaos.row import RECOVERY_SECONDS, Row, Strike
from chaos.workload import Program, mix, sleeper
from support.clients.installation_api import NOT_THERE, answered
from support.deadline import until
from support.observers.start_observer import StartObserver, observe_starts

if TYPE_CHECKING:
    from concurrent.futures import Future

    from chaos.faults import Fault
    from support.clients.installation_api import InstallationApi

_LATEST_PART = 0.8  # of the executions have ended when the fault is injected, at most
_JITTER_SECONDS = 1.0
_QUICK_JITTER_SECONDS = 0.1
_FILLED_SECONDS = 180.0
_MENDED_SECONDS = 180.0
_ENDED_SECONDS = 420.0
_VICTIM_SECONDS = 280.0  # longer than a round takes to reach the fault; it does not end by itself


class Round:
    """The state of one round, which the faults use.

    Each fault has a share of the executions. They are submitted after recovery from the fault
    before it, so that programs are running when it is injected.
    """

    def __init__(
        self,
        cluster: InstallationApi,
        faults: tuple[Fault, ...],
        language: str,
        executions: int,
        seed: int,
    ) -> None:
        self.cluster, self.faults, self.language = cluster, faults, language
        self.rng = random.Random(seed)  # noqa: S311  a reproducible seed
        self.session = f"chaos-{seed}-{int(time.time())}"
        self.row = Row(", ".join(fault.name for fault in faults), seed, executions)
        self.witness: StartObserver
        self.client: Client
        self._programs = mix(executions, self.rng)
        self._ids: list[Future[str]] = []
        self._ends_before = 0
        self._victim: int | None = None

    def run(self) -> Row:
        """Run the round, starting with a full pool. Failures are recorded in the row."""
        where = self.cluster.installation
        with ExitStack() as stack:
            self.client = Client(where.url, where.key, self.language, self.session)
            stack.callback(self.client.close)
            try:
                self._prepare()
                with observe_starts() as self.witness:
                    recovered = self._carry_out()
                self._judge()
                self.row.recovery_seconds = recovered
            except AssertionError as failure:
                self.row.failure = str(failure)
        self.cluster.remove_executions(self.session)
        return self.row

    def victim_name(self) -> str | None:
        """Return the execution whose Pod may be deleted, once the gateway has accepted it."""
        if self._victim is None or not self._ids[self._victim].done():
            return None
        return self._ids[self._victim].result()

    def _prepare(self) -> None:
        """Wait until there are no leftovers of earlier rounds."""
        tidied(self.cluster)

        def is_clean() -> bool:
            self.row.left_over = left_over(self.cluster, self.language)
            return not self.row.left_over

        try:
            until(lambda: answered(is_clean), "a full pool and nothing else", _FILLED_SECONDS)
        except AssertionError as failure:
            raise AssertionError(f"{failure}: {self.row.left_over}") from None

    def _carry_out(self) -> float | None:
        self._ends_before = len(self.witness.ends)
        began = time.monotonic()
        for number, fault in enumerate(self.faults):
            count = len(self._programs)
            parts = range(0, count + 1, count // len(self.faults))
            end = count if fault is self.faults[-1] else parts[number + 1]
            self._strike(fault, parts[number], end)
        for id_ in self._ids:
            id_.result()
        until(
            lambda: answered(lambda: self.cluster.unfinished(self.session) == 0),
            "all executions to end",
            _ENDED_SECONDS,
        )
        ended = time.monotonic()
        self.row.all_ended_seconds = round(ended - began, 1)
        self.row.repeated_requests = self.client.repeated
        return self._recovered(ended)

    def _strike(self, fault: Fault, begin: int, end: int) -> None:
        """Submit the programs from `begin` to `end`, inject the fault among them, and wait."""
        if fault is DELETE_POD:
            self._victim = begin
            self._programs[begin] = sleeper(begin, _VICTIM_SECONDS)
        programs = self._programs[begin:end]
        synchronous = int(len(programs) * fault.synchronous)
        self._ids += self.client.hand_in(programs, synchronous, self._ends, first=begin)
        self._wait_for_the_moment(fault, begin, len(programs))
        strike = Strike(fault.name, self._ends(), len(self._ids))
        self.row.strikes.append(strike)
        fault.strike(self)
        until(
            lambda: answered(lambda: fault.is_mended(self)),
            f"what was struck to serve again: {fault.name}",
            _MENDED_SECONDS,
        )
        strike.mended = True

    def _ends(self) -> int:
        """Return the number of programs that have ended since the round began."""
        return len(self.witness.ends) - self._ends_before

    def _wait_for_the_moment(self, fault: Fault, before: int, count: int) -> None:
        """Wait until a random share of `count` has ended (or was accepted), and a little longer."""
        part = before + int(self.rng.uniform(0, _LATEST_PART) * count)
        of_requests = fault.at_acceptance

        def is_reached() -> bool:
            for id_ in self._ids:
                if id_.done():
                    id_.result()  # a rejected request ends the round
            return (self.client.accepted if of_requests else self._ends()) >= part

        until(
            is_reached,
            f"{part} executions to have " + ("been accepted" if of_requests else "ended"),
            _ENDED_SECONDS,
        )
        jitter = self.rng.uniform(0, _QUICK_JITTER_SECONDS if of_requests else _JITTER_SECONDS)
        moment = time.monotonic() + jitter
        until(lambda: time.monotonic() >= moment, "the moment", 2 * _JITTER_SECONDS)

    def _recovered(self, since: float) -> float | None:
        """Return the seconds until nothing was left over; None if that took too long."""
        while time.monotonic() - since < RECOVERY_SECONDS:
            try:
                self.row.left_over = left_over(self.cluster, self.language)
            except NOT_THERE as error:
                self.row.left_over = [f"no answer: {error!r}"]
            if not self.row.left_over:
                return round(time.monotonic() - since, 1)
            time.sleep(0.2)
        return None

    def _judge(self) -> None:
        """Compare every execution with its expected result."""
        row, recorded = self.row, self.cluster.executions(self.session)
        names = [id_.result() for id_ in self._ids]
        assert len(set(names)) == len(self._programs), "two requests share an execution"
        assert set(names) == set(recorded), (
            "the gateway created executions that no client requested"
        )
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
        """Return whether record and gateway both have the program's complete output."""
        answered = self.client.status(name)["result"]
        return bool(
            status["exitCode"] == 0
            and status["stdout"] == answered["stdout"] == program.stdout
            and status["stderr"] == answered["stderr"] == ""
        )
