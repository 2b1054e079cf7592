"""Paths and names that the suites share."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts" / "cloche"
SYSTEM = "cloche-system"
"""The namespace of gateway and operator."""
SANDBOXES = "cloche-sandboxes"
"""The namespace of executions and their Pods."""
