"""The attacks of a module, run ahead of their tests and some at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from support.ahead import chosen

from attacks.program import Program

TOGETHER = 3
"""They must not reach one another either."""

Ended = Callable[[Program], dict[str, Any]]


@contextmanager
def ahead(request: pytest.FixtureRequest, run: Ended) -> Iterator[Ended]:
    """How each has ended of those that the module's chosen tests name as `attack`."""
    with ThreadPoolExecutor(TOGETHER) as pool:
        found = {attack.name: pool.submit(run, attack) for attack in chosen(request, "attack")}
        yield lambda attack: found[attack.name].result()
        pool.shutdown(cancel_futures=True)
