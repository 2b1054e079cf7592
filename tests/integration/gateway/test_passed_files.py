"""A reader of the gateway follows a request through a bounded number of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.observers.passed_files import files_of, of_execute

if TYPE_CHECKING:
    from support.fixtures.control_planes import ControlPlane
    from support.fixtures.gateway import Gateway

FILES_MAX = 18


async def test_an_execution_passes_at_most_18_files(
    gateway: Gateway, control_plane: ControlPlane
) -> None:
    files = files_of("cloche_gateway", await of_execute(gateway, control_plane))
    assert {"http/middleware.py", "services/execution.py", "results.py"} <= set(files)
    assert len(files) <= FILES_MAX, "\n".join(files)
