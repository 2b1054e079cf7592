"""Programs as people save and write them: text forms, several files, module forms, entries."""

from __future__ import annotations

import httpx
import pytest

from languages.cases import Case, cases


@pytest.mark.parametrize("case", cases("sources"), ids=str)
def test_a_program_runs_as_it_was_saved_and_written(case: Case, http: httpx.Client) -> None:
    case.check(http)
