"""The memory budget for data that the gateway holds for its clients.

It covers request bodies and the objects parsed from them, unsent responses, and the output of
executions whose events are streamed.
"""

from __future__ import annotations

from cloche_api.accounting.budget import ByteBudget
from cloche_api.limits import MIB
from cloche_gateway.errors import OverloadedError

_OWN_BYTES = 192 * MIB
"""Memory of the process itself: 95 MiB after the start, 45 MiB for 2000 idle connections, and the
rest for cached responses of the API server."""
_CHARGED_SHARE = 0.6
"""The budget's share of the remaining memory. A charge counts only the bytes of the data. The rest
is for the objects that hold them, copies on their way to a socket, and memory that the allocator
has not returned yet."""


def size_for(limit_bytes: int) -> int:
    """Return the budget in bytes for a process with this memory limit in bytes.

    For the chart's 512 MiB it is 192 MiB.
    """
    return int((limit_bytes - _OWN_BYTES) * _CHARGED_SHARE)


class Budget(ByteBudget):
    """A ByteBudget that raises OverloadedError when it has no room."""

    def refusal(self, used: int, most: int, *, of_tenant: bool) -> OverloadedError:
        """Return the error for the client, as `ByteBudget.refusal`. `used` and `most` are bytes."""
        if of_tenant:
            return OverloadedError(
                f"of this tenant {used // MIB} MiB of requests and answers are "
                f"under way, and {most // MIB} MiB is the most at a time: "
                "wait for some of them, or read answers faster"
            )
        return OverloadedError(
            f"{used // MIB} MiB of requests and answers are under way, and "
            f"{most // MIB} MiB is the most at a time: please try again later"
        )
