"""The fixtures of the recovery suite."""

from __future__ import annotations

from support.fixtures import execute

__all__ = ["execute"]
