"""The model of claim, takeover and recovery holds, and fails with each old behaviour."""

from __future__ import annotations

import pytest
from support.model import ONE, Search, search

_MEGABYTES = 7500


@pytest.mark.parametrize("wanted", ONE, ids=lambda wanted: wanted.name)
def test_the_model_of_the_protocol_holds_and_each_old_behaviour_fails(wanted: Search) -> None:
    found = search(wanted, _MEGABYTES)
    assert (found.error is not None) is wanted.fails, found.error
