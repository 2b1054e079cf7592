"""The budget for what the gateway keeps for its clients: its size, and what a client reads of it.

Bodies and what was parsed from them, answers that are not yet taken, output that is listened to.
"""

from __future__ import annotations

from cloche_api.budget import ByteBudget
from cloche_api.limits import MIB
from cloche_gateway.errors import OverloadedError

_OWN_BYTES = 192 * MIB
"""What the process takes besides: 95 MiB once it has started, 45 for 2000 idle connections, and
the rest for caches of what the API server sent."""
_CHARGED_SHARE = 0.6
"""Of what is left. A charge counts bytes as they are stored; objects around them, copies on their
way to a socket and memory that the allocator has not returned yet take the rest."""


def size_for(limit_bytes: int) -> int:
    """The budget of a process that may take so many bytes: 192 MiB of the chart's 512 MiB."""
    return int((limit_bytes - _OWN_BYTES) * _CHARGED_SHARE)


class Budget(ByteBudget):
    """A ByteBudget whose refusal is an OverloadedError."""

    def refusal(self, used: int, most: int, *, of_tenant: bool) -> OverloadedError:
        """Return what the client reads."""
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
