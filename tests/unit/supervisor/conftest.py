"""Real supervisor processes in a temporary workspace."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.fixtures.supervisor import Supervisors


@pytest.fixture
def supervisors() -> Iterator[Supervisors]:
    # Not tmp_path, which other uids may not enter.
    with tempfile.TemporaryDirectory(prefix="cloche-supervisor-") as directory:
        made = Supervisors(Path(directory))
        yield made
        made.close()
