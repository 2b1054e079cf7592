"""APIs of other systems, so that their clients run programs with another address and key only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_gateway.dialects import dify, jobe, piston, sandbox_fusion
from cloche_gateway.dialects.judge0 import routes as judge0
from cloche_gateway.dialects.mcp import endpoint as mcp
from cloche_gateway.settings import DialectName

if TYPE_CHECKING:
    from fastapi import APIRouter

ROUTERS: dict[DialectName, tuple[APIRouter, ...]] = {
    DialectName.MCP: (mcp.router,),
    DialectName.PISTON: piston.ROUTERS,
    DialectName.DIFY: (dify.router,),
    DialectName.SANDBOX_FUSION: (sandbox_fusion.router,),
    DialectName.JUDGE0: judge0.ROUTERS,
    DialectName.JOBE: jobe.ROUTERS,
}
"""The routers of each dialect."""
WEBSOCKETS: dict[DialectName, tuple[bytes, ...]] = {DialectName.PISTON: piston.WEBSOCKETS}
"""The paths of each dialect on which a request may become a websocket."""
