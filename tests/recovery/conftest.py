"""The fixtures of the recovery suite."""

from __future__ import annotations

from support.fixtures.executions import execute

__all__ = ["execute"]
