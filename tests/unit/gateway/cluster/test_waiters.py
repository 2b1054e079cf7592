"""Events are matched with waiters by name and uid, also before the create is acknowledged."""

from __future__ import annotations

from typing import Any, cast

import pytest

from cloche_gateway.cluster.waiters import Waiters
from cloche_kube.client import Rest
from cloche_kube.paths import Paths

_NAME = "0b3c6d5a-0000-4000-8000-000000000001"


def _ended(uid: str) -> dict[str, Any]:
    return {"metadata": {"name": _NAME, "uid": uid}, "status": {"phase": "Completed"}}


@pytest.fixture
def waiters() -> Waiters:
    return Waiters(cast("Rest", None), Paths("sandboxes"))  # These tests need no API server.


async def test_an_end_observed_before_the_create_is_acknowledged_is_delivered(
    waiters: Waiters,
) -> None:
    with waiters.waiter(_NAME) as waiter:
        waiters.changed("ADDED", _ended("mine"))
        assert not waiter.ended.done()
        waiters.created(waiter, {"uid": "mine"})
        assert waiter.ended.result() == _ended("mine")


async def test_the_end_of_an_older_execution_with_the_same_name_is_ignored(
    waiters: Waiters,
) -> None:
    with waiters.waiter(_NAME) as waiter:
        waiters.changed("DELETED", _ended("older"))
        waiters.created(waiter, {"uid": "mine"})
        waiters.changed("DELETED", _ended("older"))
        assert not waiter.ended.done()
        waiters.changed("ADDED", _ended("mine"))
        assert waiter.ended.result() == _ended("mine")


async def test_a_waiter_receives_only_the_first_end(waiters: Waiters) -> None:
    with waiters.waiter(_NAME) as waiter:
        waiters.created(waiter, {"uid": "mine"})
        waiters.changed("ADDED", _ended("mine"))
        waiters.changed("DELETED", _ended("mine") | {"kind": "deleted"})
        assert waiter.ended.result() == _ended("mine")
