"""Each flood once, and then the node's state; `make attacks` runs a thousand of each."""

from __future__ import annotations

import pytest

from attacks.floods import FLOODS, Flood
from attacks.harness.target import Target


@pytest.mark.parametrize("flood", FLOODS, ids=lambda one: one.name)
def test_a_flood_ends_as_its_file_declares(
    flood: Flood, target: Target, addresses: dict[str, str]
) -> None:
    assert not flood.faults(target.ended(target.start(*flood.spec(addresses))))
