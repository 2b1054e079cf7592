"""Each fault once while some executions run; `make chaos` does the same at length.

Late by its name: the faults disturb whatever else runs.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from chaos import report
from chaos.faults import FAULTS, Fault
from chaos.round import Round
from support.installation import Installation
from support.site import Site, site

EXECUTIONS = 24
POOL = 4
RUNTIME = "chaos-short"


@pytest.fixture(scope="module")
def where(installation: Installation) -> Iterator[Site]:
    with site(installation) as found, found.own_runtime(RUNTIME, POOL):
        yield found


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_nothing_is_lost_run_twice_or_left_over(where: Site, fault: Fault) -> None:
    row = Round(where, fault, RUNTIME, EXECUTIONS, seed=secrets.randbelow(10**6)).run()

    assert not report.problems(row), report.line(row)
