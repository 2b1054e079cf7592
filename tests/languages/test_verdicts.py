"""The reasons of failed programs and compilers, and the messages of invalid code."""

from __future__ import annotations

import httpx
import pytest

from languages.cases import Case, cases


@pytest.mark.parametrize("case", cases("verdicts"), ids=str)
def test_a_failure_has_its_true_reason(case: Case, http: httpx.Client) -> None:
    case.check(http)
