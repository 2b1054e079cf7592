"""Print the table of a benchmark, or why there is none."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from progress import BenchError

from cloche_cluster.errors import ClusterError
from cloche_kube.errors import KubeError, NoClusterError

if TYPE_CHECKING:
    from collections.abc import Callable


def printed(measure: Callable[[], list[str]]) -> int:
    """Print the lines that `measure` returns, or its error. Return the exit code."""
    try:
        lines = measure()
    except (BenchError, ClusterError, KubeError, NoClusterError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    sys.stdout.write("\n".join(lines) + "\n")
    return 0
