"""The answers to the chosen programs of the corpus, requested ahead of the tests."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future

import httpx
import pytest
from support.data.selected import selected_params

from programs.answers import Answer, requested


@pytest.fixture(scope="module")
def answers(
    request: pytest.FixtureRequest, http: httpx.Client
) -> Iterator[dict[str, Future[Answer]]]:
    with requested(http, selected_params(request, "program")) as found:
        yield found
