"""Poll a condition until a deadline."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cloche_cluster.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable


def wait_until(
    condition: Callable[[], bool], *, seconds: float, what: str, interval: float = 0.1
) -> None:
    """Return when `condition` holds. Raises ClusterError `what … within N s` if it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ClusterError(f"{what} within {seconds:.0f} s")
        time.sleep(interval)
