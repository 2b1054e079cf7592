"""The objects that every row needs, created at the start of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from figures.catalogue import CHURN

if TYPE_CHECKING:
    from access.client import Client
    from access.server import Cluster
    from figures.run import Figures

SINGLE, REUSE = "bench-single", "bench-reuse"
"""The benchmark's runtimes: Python with single-use Pods, and with reused Pods."""
SINGLE_POOL, REUSE_POOL = 10, 8
CLIENTS = 8


@dataclass(frozen=True)
class Sizes:
    """The amount of measurements, all rounds together."""

    rounds: int = 3
    """Number of rounds. In each, every row has a turn, so that a drift affects all rows."""
    writes: int = 600
    cold: int = 30
    warm: int = 300
    slice_seconds: float = 40.0
    """Duration of each sustained row in each round; two minutes in all rounds. Eight clients in
    lockstep finish in bunches, so that one minute would be off by up to ten percent."""
    churn_seconds: float = 20.0
    """The same for each number of concurrent bare Pods: a minute each."""
    churn: tuple[int, ...] = CHURN
    """The numbers of concurrent bare Pods."""
    burst: int = 100
    stored_small: int = 9900
    stored_large: int = 100
    idle_seconds: float = 60.0

    def share(self, count: int) -> int:
        """Return the share of `count` for one round."""
        return -(-count // self.rounds)


QUICK = Sizes(
    rounds=1,
    writes=30,
    cold=3,
    warm=16,
    slice_seconds=5.0,
    churn_seconds=5.0,
    burst=20,
    stored_small=198,
    stored_large=2,
    idle_seconds=5.0,
)
MAIN = Sizes(
    rounds=1,
    cold=8,
    warm=30,
    slice_seconds=20.0,
    churn_seconds=20.0,
    churn=CHURN[-1:],  # the highest, which has had the best churn in every run
)
"""The main rows within five minutes."""


@dataclass(frozen=True)
class World:
    """The installation, a client for it, and the results so far."""

    cluster: Cluster
    client: Client
    figures: Figures
    sizes: Sizes
