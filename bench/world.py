"""What every row needs, made once at the start of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalogue import CHURN

if TYPE_CHECKING:
    from client import Client
    from figures import Figures
    from server import Cluster

SINGLE, REUSE = "bench-single", "bench-reuse"
"""The runtimes of a run: Python, with a Pod for each program, and with Pods used again."""
SINGLE_POOL, REUSE_POOL = 10, 8
CLIENTS = 8


@dataclass(frozen=True)
class Sizes:
    """How much is measured, all rounds together."""

    rounds: int = 3
    """The rows take turns so often, so that what drifts drifts for all of them."""
    writes: int = 600
    cold: int = 30
    warm: int = 300
    slice_seconds: float = 40.0
    """Of each sustained row in each round; all rounds together are two minutes: eight clients in
    step end in bunches, and a minute counts ten per cent too many or too few."""
    churn_seconds: float = 20.0
    """The same for each number of bare Pods at a time: a minute each."""
    churn: tuple[int, ...] = CHURN
    """These numbers of bare Pods at a time."""
    burst: int = 100
    stored_small: int = 9900
    stored_large: int = 100
    idle_seconds: float = 60.0

    def share(self, count: int) -> int:
        """How many of these in one round."""
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
    churn=CHURN[-1:],  # the most at a time: the best churn of every run so far
)
"""The main rows within five minutes."""


@dataclass(frozen=True)
class World:
    """The installation, a client of it, and what was found so far."""

    cluster: Cluster
    client: Client
    figures: Figures
    sizes: Sizes
