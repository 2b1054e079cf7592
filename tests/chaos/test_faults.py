"""Every fault while some executions run, in rounds; `make chaos` has a longer round for each.

The faults of one round are injected one after the other, each among its own executions.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from functools import cache

import pytest
from chaos import report
from chaos.faults import FAULTS, ROUNDS
from chaos.round import Round
from chaos.row import Row
from support.clients.installation_api import InstallationApi, installation_api
from support.fixtures.installation import Installation

EXECUTIONS = 24
"""For each fault."""
POOL = 4
RUNTIME = "chaos-short"

Rows = Callable[[str], Row]


@pytest.fixture(scope="module")
def where(installation: Installation) -> Iterator[InstallationApi]:
    with installation_api(installation) as found, found.own_runtime(RUNTIME, POOL):
        yield found


@pytest.fixture(scope="module")
def rows(where: InstallationApi) -> Rows:
    """Return a function that runs a round at its first call, and returns its result."""

    @cache
    def carry_out(name: str) -> Row:
        faults = ROUNDS[name]
        executions = EXECUTIONS * len(faults)
        return Round(where, faults, RUNTIME, executions, seed=secrets.randbelow(10**6)).run()

    return carry_out


def test_each_fault_belongs_to_exactly_one_round() -> None:
    of_rounds = [fault for faults in ROUNDS.values() for fault in faults]
    assert sorted(fault.name for fault in of_rounds) == sorted(fault.name for fault in FAULTS)


@pytest.mark.parametrize(
    ("name", "fault"),
    [(name, fault.name) for name, faults in ROUNDS.items() for fault in faults],
    ids=lambda value: value,
)
def test_a_fault_is_injected_while_executions_run_and_is_repaired(
    rows: Rows, name: str, fault: str
) -> None:
    row = rows(name)
    strikes = [strike for strike in row.strikes if strike.fault == fault]

    assert [strike.mended for strike in strikes] == [True], report.line(row)
    assert strikes[0].ended_before < strikes[0].handed_in, report.line(row)


@pytest.mark.parametrize("name", ROUNDS)
def test_a_round_loses_repeats_and_leaves_behind_no_execution(rows: Rows, name: str) -> None:
    row = rows(name)

    assert not row.problems(), report.line(row)
