"""The fixtures of the end-to-end core."""

from __future__ import annotations

from support.fixtures.executions import execute, running_pod

__all__ = ["execute", "running_pod"]
