"""Run the attacks of a module before their tests, several at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from support.data.selected import selected_params

from attacks.harness.program import Program

TOGETHER = 3
"""Attacks that run at the same time. They must not be able to reach each other."""

Ended = Callable[[Program], dict[str, Any]]


@contextmanager
def ahead(request: pytest.FixtureRequest, run: Ended) -> Iterator[Ended]:
    """Return a function that returns the status of each attack chosen by the module's tests."""
    with ThreadPoolExecutor(TOGETHER) as pool:
        found = {
            attack.name: pool.submit(run, attack) for attack in selected_params(request, "attack")
        }
        yield lambda attack: found[attack.name].result()
        pool.shutdown(cancel_futures=True)
