"""A reader of the gateway follows a request through a bounded number of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.passed_files.gateway import gateway_files

if TYPE_CHECKING:
    from support.fixtures.control_planes import ControlPlane

FILES_MAX = 21


async def test_an_execution_passes_at_most_21_files(control_plane: ControlPlane) -> None:
    files = (await gateway_files(control_plane))["cloche_gateway"]
    assert {"http/middleware.py", "services/execution.py", "results.py"} <= set(files)
    assert len(files) <= FILES_MAX, "\n".join(files)
