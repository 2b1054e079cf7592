"""APIs of other systems, so that their clients run programs with another address and key only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloche_gateway.dialects import dify
from cloche_gateway.dialects.mcp import endpoint as mcp
from cloche_gateway.settings import DialectName

if TYPE_CHECKING:
    from fastapi import APIRouter

ROUTERS: dict[DialectName, tuple[APIRouter, ...]] = {
    DialectName.MCP: (mcp.router,),
    DialectName.PISTON: (),
    DialectName.DIFY: (dify.router,),
    DialectName.SANDBOX_FUSION: (),
    DialectName.JUDGE0: (),
    DialectName.JOBE: (),
}
"""The routers of each dialect."""
