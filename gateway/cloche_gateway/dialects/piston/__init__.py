"""Piston v2, the API of many bots and editors that run code.

The contract is that of Piston at revision 0a844d0: https://github.com/engineer-man/piston.
"""

from __future__ import annotations

from cloche_gateway.dialects.piston import connect, routes

ROUTERS = (connect.router, routes.router)
"""The routers, in the order in which they are asked: the last one answers all other paths."""
WEBSOCKETS = connect.PATHS
"""The paths on which a request may become a websocket."""
