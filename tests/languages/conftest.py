"""The answers to the rows that the chosen tests ask for, requested ahead of the tests."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from support.data.selected import selected_params

from languages.answers import Answers


@pytest.fixture(scope="module")
def answers(request: pytest.FixtureRequest, http: httpx.Client) -> Iterator[Answers]:
    with Answers(http, selected_params(request, "row")).requested() as found:
        yield found
