"""A session of Python cells under a real supervisor."""

from __future__ import annotations

import pytest
from support.fixtures.cells import CellSession
from support.fixtures.supervisor import Supervisors


@pytest.fixture
def session(supervisors: Supervisors) -> CellSession:
    return CellSession(supervisors)
